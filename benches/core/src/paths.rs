//! The paths through the core.

use std::borrow::Cow;
use std::hint::black_box;
use std::io::Write as _;
use std::ops::Range;

use qmp_proto::{Client, FixedOutput, Options, Received, Request, Step};
use serde::de::DeserializeOwned;

/// The capacity for commands.
const ROOM: usize = 512;

/// One of the paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// An event as QEMU prints it.
    RouteEvent,
    /// A command, and its reply of 207 kB as QEMU prints it.
    RouteReply,
    /// A command, and its short reply.
    Command,
    /// The event in another format: members in another order, without spaces.
    SplitEvent,
    /// The reply of 207 kB, its id first.
    SplitReply,
    /// The event, repeated in one buffer, as in one read of a flood.
    RouteEvents,
    /// The secrets of a command masked, as for a log.
    RedactCommand,
    /// The same with the reply of 207 kB, which has none.
    RedactReply,
    /// The same with a reply of that length, its objects nested a thousand deep.
    RedactDeep,
    /// The value of 207 kB, decoded to the type of the vocabulary.
    DecodeTyped,
    /// The same, decoded to a type that is written by hand.
    DecodeByHand,
}

/// The number of events that a buffer of 4 KiB holds.
pub const EVENTS: usize = 29;

impl Path {
    /// Returns the number of messages per run.
    pub const fn messages(self) -> usize {
        if let Self::RouteEvents = self { EVENTS } else { 1 }
    }
}

/// All of them, with their names.
pub const PATHS: [(&str, Path); 11] = [
    ("route-event", Path::RouteEvent),
    ("route-reply-207k", Path::RouteReply),
    ("command-and-answer", Path::Command),
    ("split-event", Path::SplitEvent),
    ("split-reply-207k", Path::SplitReply),
    ("route-events", Path::RouteEvents),
    ("redact-command", Path::RedactCommand),
    ("redact-reply-207k", Path::RedactReply),
    ("redact-deep-207k", Path::RedactDeep),
    ("decode-typed-207k", Path::DecodeTyped),
    ("decode-by-hand-207k", Path::DecodeByHand),
];

/// The server's messages on these paths; replies are to the first command.
pub struct Messages {
    pub event: String,
    pub events: String,
    pub other_event: String,
    pub reply: String,
    pub other_reply: String,
    pub short: String,
    /// The value of the long reply.
    pub schema: String,
    /// A command with a secret.
    pub secret: String,
    /// A reply of some 207 kB, a thousand levels deep.
    pub deep: String,
}

impl Messages {
    pub fn new() -> Self {
        let schema = bench_messages::schema();
        let event = "{\"timestamp\": {\"seconds\": 1795363537, \"microseconds\": 100003}, \
                     \"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"net3\", \"path\": \
                     \"/machine/peripheral/net3\"}}\r\n";
        const LEVELS: usize = 1000;
        let deep = format!("{}1{}", "{\"members\": ".repeat(LEVELS), "}".repeat(LEVELS));
        let deep = vec![deep.as_str(); schema.len() / deep.len()].join(", ");
        Self {
            event: event.to_owned(),
            events: event.repeat(EVENTS),
            other_event: "{\"event\":\"DEVICE_DELETED\",\"data\":{\"device\":\"net3\",\"path\":\
                          \"/machine/peripheral/net3\"},\"timestamp\":{\"seconds\":1795363537,\
                          \"microseconds\":100003}}\r\n"
                .to_owned(),
            reply: format!("{{\"return\": {schema}, \"id\": 0}}\r\n"),
            other_reply: format!("{{\"id\": 0, \"return\": {schema}}}\r\n"),
            short: format!("{{\"return\": {}, \"id\": 0}}\r\n", bench_messages::VERSION),
            secret: "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"secret\",\"id\":\
                     \"s0\",\"data\":\"swordfish\"},\"id\":7}"
                .to_owned(),
            deep: format!("{{\"return\": [{deep}], \"id\": 0}}"),
            schema,
        }
    }
}

impl Default for Messages {
    fn default() -> Self {
        Self::new()
    }
}

/// A client after its handshake.
pub struct Paths<'m> {
    client: Client<()>,
    output: FixedOutput<'m>,
    messages: &'m Messages,
    reply: Reply,
    other_reply: Reply,
    short: Reply,
    /// The number of commands sent.
    commands: u64,
}

impl<'m> Paths<'m> {
    /// # Panics
    ///
    /// Panics if the handshake fails.
    pub fn new(messages: &'m Messages, memory: &'m mut Vec<u8>) -> Self {
        memory.resize(ROOM, 0);
        let mut client = Client::monitor(Options::monitor());
        let mut output = FixedOutput::new(memory);
        hear(&mut client, bench_messages::GREETING.as_bytes());
        assert!(client.negotiate(&mut output, 7, &[]).is_ok(), "the handshake is refused");
        output.advance(usize::MAX);
        hear(&mut client, b"{\"return\": {}, \"id\": 4503599627370503}\r\n");
        let [reply, other_reply, short] =
            [&messages.reply, &messages.other_reply, &messages.short].map(|text| Reply::new(text));
        Self { client, output, messages, reply, other_reply, short, commands: 0 }
    }

    /// Runs one of the paths once.
    ///
    /// # Panics
    ///
    /// Panics if its result is not the expected one.
    pub fn once(&mut self, path: Path) {
        let reply = match path {
            Path::RouteEvent
            | Path::SplitEvent
            | Path::RouteEvents
            | Path::RedactCommand
            | Path::RedactReply
            | Path::RedactDeep
            | Path::DecodeTyped
            | Path::DecodeByHand => None,
            Path::RouteReply => Some(&mut self.reply),
            Path::SplitReply => Some(&mut self.other_reply),
            Path::Command => Some(&mut self.short),
        };
        if let Some(reply) = reply {
            reply.answers(self.commands);
            self.commands += 1;
        }
        self.take(path);
    }

    /// The part that is counted.
    #[inline(never)]
    fn take(&mut self, path: Path) {
        let Self { client, output, messages, reply, other_reply, short, .. } = self;
        match path {
            Path::RouteEvent => hear_event(client, &messages.event),
            Path::SplitEvent => hear_event(client, &messages.other_event),
            Path::RouteEvents => hear_events(client, &messages.events),
            Path::RouteReply => ask(client, output, "query-qmp-schema", &reply.text),
            Path::SplitReply => ask(client, output, "query-qmp-schema", &other_reply.text),
            Path::Command => ask(client, output, bench_messages::COMMAND, &short.text),
            Path::RedactCommand => mask(&messages.secret, true),
            Path::RedactReply => mask(&messages.reply, false),
            Path::RedactDeep => mask(&messages.deep, false),
            Path::DecodeTyped => decode::<qmp_types::SchemaInfo>(&messages.schema),
            Path::DecodeByHand => decode::<bench_measure::SchemaInfo>(&messages.schema),
        }
    }
}

/// A reply that is used for one command after another.
struct Reply {
    text: Vec<u8>,
    /// The position of its id.
    id: Range<usize>,
    digits: Vec<u8>,
}

impl Reply {
    fn new(text: &str) -> Self {
        let at = text.rfind("\"id\": 0").map_or(0, |at| at + "\"id\": ".len());
        Self { text: text.into(), id: at..at + 1, digits: Vec::new() }
    }

    fn answers(&mut self, id: u64) {
        self.digits.clear();
        let _ = write!(self.digits, "{id}");
        self.text.splice(self.id.clone(), self.digits.iter().copied());
        self.id.end = self.id.start + self.digits.len();
    }
}

fn hear_event(client: &mut Client<()>, text: &str) {
    let step = client.handle_input(black_box(text.as_bytes()));
    let Ok(Step { received: Some(Received::Event(event)), used, .. }) = step else {
        panic!("this was no event");
    };
    assert!(event.name() == "DEVICE_DELETED" && used == text.len());
    black_box(event);
}

fn hear_events(client: &mut Client<()>, text: &str) {
    let (mut rest, mut count) = (black_box(text.as_bytes()), 0);
    while let Ok(step) = client.handle_input(rest) {
        let Some(Received::Event(event)) = step.received else { break };
        assert!(event.name() == "DEVICE_DELETED");
        black_box(event);
        (rest, count) = (&rest[step.used..], count + 1);
    }
    assert!(count == EVENTS, "these were other events");
}

fn ask(client: &mut Client<()>, output: &mut FixedOutput<'_>, name: &str, text: &[u8]) {
    let executed = client.execute(output, Request::new(name), ());
    assert!(executed.is_ok(), "the command is refused");
    black_box(output.bytes());
    output.advance(usize::MAX);
    let step = client.handle_input(black_box(text));
    let Ok(Step { received: Some(Received::Reply(answer)), .. }) = step else {
        panic!("this was no answer");
    };
    assert!(answer.outcome.is_ok(), "this was a failure");
    black_box(answer);
}

fn mask(message: &str, has_secret: bool) {
    let masked = qmp_proto::redact(black_box(message.as_bytes()));
    assert!(matches!(masked, Cow::Owned(_)) == has_secret, "this is masked otherwise");
    black_box(masked);
}

fn decode<T: DeserializeOwned>(schema: &str) {
    let Ok(entities) = serde_json::from_str::<Vec<T>>(black_box(schema)) else {
        panic!("this was no schema");
    };
    assert!(entities.len() > 500, "these are not all entities");
    black_box(entities);
}

fn hear(client: &mut Client<()>, input: &[u8]) {
    let mut start = 0;
    while let Ok(step) = client.handle_input(&input[start..]) {
        start += step.used;
        if step.received.is_none() {
            return;
        }
    }
    panic!("the core has given up");
}
