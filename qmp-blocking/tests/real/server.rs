//! Servers, and blocking clients of them.

use conformance::ready;
use qmp_blocking::{Builder, Client, Error};

pub(crate) use conformance::server::*;

/// A server's clients.
pub(crate) trait Clients {
    /// One of a monitor, once the server listens.
    fn client(&mut self) -> Client {
        self.client_of(qmp_blocking::builder)
    }

    /// One of an agent.
    fn agent_client(&mut self) -> Client {
        self.client_of(|| qmp_blocking::builder().agent())
    }

    /// One of this builder's.
    fn client_of(&mut self, build: impl Fn() -> Builder) -> Client;
}

impl Clients for Server {
    fn client_of(&mut self, build: impl Fn() -> Builder) -> Client {
        ready(self.connect(build))
    }
}

/// A storage daemon and its client.
pub(crate) fn storage_daemon(suite: &Suite, build: impl Fn() -> Builder) -> (Server, Client) {
    ready(suite.storage_daemon(build))
}

/// Names of the events that have come, oldest first; they are taken.
pub(crate) fn event_names(connection: &Client) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    while let Some(event) = client.event().look()? {
        names.push(event.name().to_owned());
    }
    Ok(names)
}
