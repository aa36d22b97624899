//! A client whose server is the test.

use qmp_proto::{
    BufferFull, Client, NoReplyReason, Options, OutputBuffer, Phase, ProtocolError, RawMessage,
    Received, Request, RequestId, SendErrorKind,
};

pub(crate) const GREETING: &str = concat!(
    r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 10}, "package": ""}, "#,
    r#""capabilities": ["oob"]}}"#,
    "\r\n"
);
pub(crate) const STOP: &str =
    "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n";
/// The id of a handshake with nonce 7.
pub(crate) const SEVEN: u64 = (1 << 52) + 7;

/// A received message, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observed {
    Greeting,
    Restarted,
    ErrorBeforeGreeting(String),
    Ready,
    HandshakeFailed(String),
    Answer(u32, Result<String, String>),
    Unanswered(u32, NoReplyReason),
    Event(String),
    Stray(String),
    ServerParseError(String),
    Malformed(String),
    Desynchronised,
    Error(ProtocolError),
}

impl Observed {
    pub(crate) fn new(received: Received<'_, u32>) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match received {
            Received::Greeting(_) => Self::Greeting,
            Received::Restarted(_) => Self::Restarted,
            Received::ErrorBeforeGreeting(failure) => {
                Self::ErrorBeforeGreeting(failure.to_string())
            }
            Received::Ready => Self::Ready,
            Received::HandshakeFailed(failure) => Self::HandshakeFailed(failure.to_string()),
            Received::Reply(answer) => Self::Answer(
                answer.token,
                match answer.outcome {
                    Ok(reply) => Ok(reply.json().map_or_else(
                        |error| format!("unreadable: {error}"),
                        |json| json.as_str().to_string(),
                    )),
                    Err(failure) => Err(failure.to_string()),
                },
            ),
            Received::Unanswered(lost) => Self::Unanswered(lost.token, lost.reason),
            Received::Event(event) => Self::Event(event.name().into()),
            Received::Stray(message) => Self::Stray(text(message)),
            Received::ServerParseError(failure) => Self::ServerParseError(failure.to_string()),
            // The same text as displayed with an allocator; without one, only the length is
            // displayed.
            Received::Malformed(malformed) => {
                Self::Malformed(format!("{}: {}", malformed.reason, malformed.bytes.escape_ascii()))
            }
            Received::Desynchronised => Self::Desynchronised,
            other => panic!("new to the tests: {other:?}"),
        }
    }

    pub(crate) fn done(token: u32) -> Self {
        Self::Answer(token, Ok("{}".into()))
    }

    pub(crate) fn unknown(token: u32) -> Self {
        Self::Unanswered(token, NoReplyReason::OutcomeUnknown)
    }

    pub(crate) fn stray(text: &str) -> Self {
        Self::Stray(text.trim_end().into())
    }
}

/// An output buffer with integers as descriptors, in every tier.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) bytes: Vec<u8>,
    /// Descriptors, and the positions of their bytes.
    pub(crate) descriptors: Vec<(usize, u32)>,
}

impl OutputBuffer for Wire {
    type Descriptor = u32;

    fn length(&self) -> usize {
        self.bytes.len()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    fn attach(&mut self, at: usize, descriptor: u32) {
        self.descriptors.push((at, descriptor));
    }
}

#[derive(Debug)]
pub(crate) struct Peer<const N: usize = 64> {
    pub(crate) client: Client<u32, N>,
    pub(crate) wire: Wire,
    /// The bytes that were received and not used yet.
    input: Vec<u8>,
}

impl<const N: usize> Peer<N> {
    pub(crate) fn new(client: Client<u32, N>) -> Self {
        Self { client, wire: Wire::default(), input: Vec::new() }
    }

    /// Returns the client of a monitor, after the negotiation of these capabilities.
    pub(crate) fn ready(options: Options, enable: &[&str]) -> Self {
        let mut peer = Self::new(Client::monitor(options));
        assert_eq!(peer.feed(GREETING), [Observed::Greeting]);
        peer.client.negotiate(&mut peer.wire, 7, enable).unwrap();
        peer.sent();
        assert_eq!(peer.feed(returned(SEVEN)), [Observed::Ready]);
        peer
    }

    /// Returns the client of an agent, after a sync.
    pub(crate) fn synced(options: Options) -> Self {
        let mut peer = Self::new(Client::agent(options));
        peer.client.sync(&mut peer.wire, 7).unwrap();
        peer.sent();
        assert_eq!(peer.feed(sync_answer(SEVEN)), [Observed::Ready]);
        peer
    }

    /// Feeds more bytes to the client, and returns what was received.
    pub(crate) fn feed(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Observed> {
        self.input.extend_from_slice(bytes.as_ref());
        let mut observed = Vec::new();
        let mut steps = self.input.len() + N + 2;
        loop {
            steps = steps.checked_sub(1).expect("no progress");
            match self.client.handle_input(&self.input) {
                Ok(step) => {
                    let used = step.used;
                    let received = step.received.map(Observed::new);
                    self.input.drain(..used);
                    match received {
                        Some(received) => observed.push(received),
                        None => return observed,
                    }
                }
                Err(error) => {
                    observed.push(Observed::Error(error));
                    return observed;
                }
            }
        }
    }

    /// Returns the bytes that were sent since the last call.
    pub(crate) fn sent(&mut self) -> String {
        self.wire.descriptors.clear();
        let bytes = std::mem::take(&mut self.wire.bytes);
        bytes.iter().map(|&byte| byte as char).collect()
    }

    pub(crate) fn execute(&mut self, name: &str, token: u32) -> RequestId {
        self.send(Request::new(name), token).unwrap()
    }

    /// Sends a request. If it is refused, checks that nothing was written and the error has the
    /// token.
    pub(crate) fn send(
        &mut self,
        request: Request<'_, u32>,
        token: u32,
    ) -> Result<RequestId, SendErrorKind> {
        let before = self.wire.bytes.len();
        let in_flight = self.client.in_flight();
        self.client.execute(&mut self.wire, request, token).map_err(|refused| {
            assert_eq!(refused.token, token);
            assert_eq!(self.wire.bytes.len(), before);
            assert_eq!(self.client.in_flight(), in_flight);
            refused.reason
        })
    }

    pub(crate) fn send_raw(&mut self, text: &str, token: u32) -> Result<RequestId, SendErrorKind> {
        let message = RawMessage::parse(text)?;
        self.client.execute_raw(&mut self.wire, &message, token).map_err(|refused| refused.reason)
    }

    pub(crate) fn refusal(&mut self, name: &str) -> SendErrorKind {
        self.send(Request::new(name), 999).unwrap_err()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.client.phase()
    }

    /// Ends the connection from the client's side.
    pub(crate) fn drained(&mut self) -> Vec<Observed> {
        self.client.drain().map(|lost| Observed::Unanswered(lost.token, lost.reason)).collect()
    }
}

/// Returns a success reply with an empty value.
pub(crate) fn returned(id: impl std::fmt::Display) -> String {
    format!("{{\"return\": {{}}, \"id\": {id}}}\r\n")
}

pub(crate) fn failed(id: impl std::fmt::Display) -> String {
    format!("{{\"id\": {id}, \"error\": {{\"class\": \"GenericError\", \"desc\": \"no\"}}}}\r\n")
}

/// The error reply of a server that could not parse a message.
pub(crate) const PARSE_ERROR: &str =
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n";

/// Returns an agent's reply to `guest-sync-delimited`.
pub(crate) fn sync_answer(number: u64) -> Vec<u8> {
    [b"\xFF", format!("{{\"return\": {number}, \"id\": {number}}}\n").as_bytes()].concat()
}
