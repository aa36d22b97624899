//! Servers, and blocking clients of them.

use conformance::ready;
use qmp_blocking::{Builder, Connection, Error};

pub(crate) use conformance::server::*;

/// A server's clients.
pub(crate) trait Clients {
    /// One of a monitor, once the server listens.
    fn client(&mut self) -> Connection {
        self.client_of(Connection::builder)
    }

    /// One of an agent.
    fn agent_client(&mut self) -> Connection {
        self.client_of(|| Connection::builder().agent())
    }

    /// One of this builder's.
    fn client_of(&mut self, build: impl Fn() -> Builder) -> Connection;
}

impl Clients for Server {
    fn client_of(&mut self, build: impl Fn() -> Builder) -> Connection {
        ready(self.connect(build))
    }
}

/// A storage daemon and its client.
pub(crate) fn storage_daemon(suite: &Suite, build: impl Fn() -> Builder) -> (Server, Connection) {
    ready(suite.storage_daemon(build))
}

/// Names of the events that have come, oldest first; they are taken.
pub(crate) fn event_names(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    while let Some(event) = connection.event().look()? {
        names.push(event.name().to_owned());
    }
    Ok(names)
}
