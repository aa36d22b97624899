//! A server together with the client that a test plays.

use qmp_proto::server::{Command, Options, Received, Rejection, Response, Server, Ticket};
use qmp_proto::{ErrorClass, RawJson};

pub(crate) const NEGOTIATE: &str = "{\"execute\":\"qmp_capabilities\"}";
pub(crate) const NEGOTIATE_OOB: &str =
    "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}";

/// What a server made of its input, owned.
#[derive(Debug)]
pub(crate) enum Heard {
    Command(Command<'static>, Ticket<u32>),
    Negotiated(bool),
    Synced(i64),
    Rejected(Rejection, String),
}

impl Heard {
    pub(crate) fn new(received: Received<'_, u32>) -> Self {
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
    pub(crate) server: Server<u32>,
    pub(crate) out: Vec<u8>,
    /// What was heard and is not used yet.
    input: Vec<u8>,
}

impl Host {
    pub(crate) fn new(server: Server<u32>) -> Self {
        Self { server, out: Vec::new(), input: Vec::new() }
    }

    /// A monitor whose client has negotiated.
    pub(crate) fn ready(options: Options, negotiation: &str) -> Self {
        let mut host = Self::new(Server::monitor(options));
        host.server.greet(&mut host.out).unwrap();
        assert!(matches!(&host.hears(negotiation)[..], [Heard::Negotiated(_)]));
        host.said();
        host
    }

    pub(crate) fn agent() -> Self {
        Self::new(Server::agent(Options::agent()))
    }

    /// Lets the server hear bytes after all that it heard before.
    pub(crate) fn hears(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Heard> {
        self.input.extend_from_slice(bytes.as_ref());
        let mut heard = Vec::new();
        let mut steps = self.input.len() + 2;
        loop {
            steps = steps.checked_sub(1).expect("no progress");
            let step = self.server.handle_input(&mut self.out, &self.input).unwrap();
            let used = step.used;
            let received = step.received.map(Heard::new);
            self.input.drain(..used);
            match received {
                Some(received) => heard.push(received),
                None => return heard,
            }
        }
    }

    /// Lets the server hear one command, whose name is returned with its ticket.
    pub(crate) fn command(&mut self, bytes: &str) -> (String, Ticket<u32>) {
        let mut heard = self.hears(bytes);
        assert_eq!(heard.len(), 1, "{heard:?}");
        match heard.pop() {
            Some(Heard::Command(command, ticket)) => (command.name().into(), ticket),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ticket(&mut self, bytes: &str) -> Ticket<u32> {
        self.command(bytes).1
    }

    /// Answers with a value.
    pub(crate) fn returns(&mut self, ticket: Ticket<u32>, value: &str) -> String {
        let response = Response::json(RawJson::parse(value).unwrap());
        self.server.answer(&mut self.out, ticket, &response).unwrap();
        self.said()
    }

    pub(crate) fn fails(&mut self, ticket: Ticket<u32>, description: &str) -> String {
        let response = Response::error(ErrorClass::GenericError, description);
        self.server.answer(&mut self.out, ticket, &response).unwrap();
        self.said()
    }

    /// What was said since the last call.
    pub(crate) fn said(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }
}

/// An error answer without an id, as a monitor writes it.
pub(crate) fn error(description: &str) -> String {
    format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{description}\"}}}}\r\n")
}
