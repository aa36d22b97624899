//! Servers, and blocking clients of them.

use conformance::ready;
use qmp_blocking::{Builder, Client, EventItem, OwnedEvent};

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

/// The names of events that have come, oldest first, and counts of those that were dropped.
pub(crate) fn names(items: Vec<EventItem>) -> Vec<String> {
    let name = |item| match item {
        EventItem::Event(event) => OwnedEvent::name(&event).to_owned(),
        EventItem::Lagged(count) => format!("{count} lagged"),
        other => panic!("{other:?}"),
    };
    items.into_iter().map(name).collect()
}
