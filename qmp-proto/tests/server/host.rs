//! A server whose client is the test.

use qmp_proto::server::{Command, Options, Received, Rejection, Response, Server, Ticket};
use qmp_proto::{ErrorClass, RawJson};

pub(crate) const NEGOTIATE: &str = "{\"execute\":\"qmp_capabilities\"}";
pub(crate) const NEGOTIATE_OOB: &str =
    "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}";

/// A received request, owned.
#[derive(Debug)]
pub(crate) enum Observed {
    Command(Command<'static>, Ticket),
    Negotiated(bool),
    Synced(i64),
    Rejected(Rejection, String),
}

impl Observed {
    pub(crate) fn new(received: Received<'_>) -> Self {
        match received {
            Received::Command(command, ticket) => Self::Command(command.into_owned(), ticket),
            Received::Negotiated { out_of_band } => Self::Negotiated(out_of_band),
            Received::Synced(number) => Self::Synced(number),
            Received::Rejected(rejected) => {
                let bytes = String::from_utf8_lossy(rejected.bytes).into_owned();
                Self::Rejected(rejected.reason, bytes)
            }
            other => panic!("new to the tests: {other:?}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) server: Server,
    pub(crate) out: Vec<u8>,
    /// The bytes that were received and not used yet.
    input: Vec<u8>,
}

impl Host {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, out: Vec::new(), input: Vec::new() }
    }

    /// Returns a monitor after the negotiation.
    pub(crate) fn ready(options: Options, negotiation: &str) -> Self {
        let mut host = Self::new(Server::monitor(options));
        host.server.greet(&mut host.out).unwrap();
        assert!(matches!(&host.feed(negotiation)[..], [Observed::Negotiated(_)]));
        host.output();
        host
    }

    pub(crate) fn agent() -> Self {
        Self::new(Server::agent(Options::agent()))
    }

    /// Feeds more bytes to the server, and returns what was received.
    pub(crate) fn feed(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Observed> {
        self.input.extend_from_slice(bytes.as_ref());
        let mut observed = Vec::new();
        let mut steps = self.input.len() + 2;
        loop {
            steps = steps.checked_sub(1).expect("no progress");
            let step = self.server.handle_input(&mut self.out, &self.input).unwrap();
            let used = step.used;
            let received = step.received.map(Observed::new);
            self.input.drain(..used);
            match received {
                Some(received) => observed.push(received),
                None => return observed,
            }
        }
    }

    /// Feeds one command to the server, and returns its name and ticket.
    pub(crate) fn command(&mut self, bytes: &str) -> (String, Ticket) {
        let mut observed = self.feed(bytes);
        assert_eq!(observed.len(), 1, "{observed:?}");
        match observed.pop() {
            Some(Observed::Command(command, ticket)) => (command.name().into(), ticket),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ticket(&mut self, bytes: &str) -> Ticket {
        self.command(bytes).1
    }

    /// Replies with a value, and returns the output.
    pub(crate) fn returns(&mut self, ticket: Ticket, value: &str) -> String {
        let response = Response::json(RawJson::parse(value).unwrap());
        self.server.answer(&mut self.out, ticket, &response).unwrap();
        self.output()
    }

    pub(crate) fn fails(&mut self, ticket: Ticket, description: &str) -> String {
        let response = Response::error(ErrorClass::GenericError, description);
        self.server.answer(&mut self.out, ticket, &response).unwrap();
        self.output()
    }

    /// Returns the bytes that were sent since the last call.
    pub(crate) fn output(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }
}

/// Returns an error reply of a monitor without an id.
pub(crate) fn error(description: &str) -> String {
    format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{description}\"}}}}\r\n")
}
