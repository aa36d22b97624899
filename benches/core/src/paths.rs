//! The ways through the core.

use std::hint::black_box;

use qmp_proto::{Client, FixedOutput, Options, Received, Request, Step};

/// Room for commands.
const ROOM: usize = 512;

/// One of the ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// An event as QEMU prints it.
    RouteEvent,
    /// A command, and its answer of 207 kB as QEMU prints it.
    RouteReply,
    /// A command, and its short answer.
    Command,
    /// The event, printed otherwise: members in another order, without blanks.
    SplitEvent,
    /// The answer of 207 kB, its id first.
    SplitReply,
}

/// All of them, with their names.
pub const PATHS: [(&str, Path); 5] = [
    ("route-event", Path::RouteEvent),
    ("route-reply-207k", Path::RouteReply),
    ("command-and-answer", Path::Command),
    ("split-event", Path::SplitEvent),
    ("split-reply-207k", Path::SplitReply),
];

/// What a server says on these ways.
pub struct Messages {
    pub event: String,
    pub other_event: String,
    pub reply: String,
    pub other_reply: String,
    pub short: String,
}

impl Messages {
    pub fn new() -> Self {
        let schema = bench_messages::schema();
        Self {
            event: "{\"timestamp\": {\"seconds\": 1795363537, \"microseconds\": 100003}, \
                    \"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"net3\", \"path\": \
                    \"/machine/peripheral/net3\"}}\r\n"
                .to_owned(),
            other_event: "{\"event\":\"DEVICE_DELETED\",\"data\":{\"device\":\"net3\",\"path\":\
                          \"/machine/peripheral/net3\"},\"timestamp\":{\"seconds\":1795363537,\
                          \"microseconds\":100003}}\r\n"
                .to_owned(),
            reply: format!("{{\"return\": {schema}, \"id\": 0}}\r\n"),
            other_reply: format!("{{\"id\": 0, \"return\": {schema}}}\r\n"),
            short: format!("{{\"return\": {}, \"id\": 0}}\r\n", bench_messages::VERSION),
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
}

impl<'m> Paths<'m> {
    /// # Panics
    ///
    /// If the handshake fails.
    pub fn new(messages: &'m Messages, memory: &'m mut Vec<u8>) -> Self {
        memory.resize(ROOM, 0);
        let mut client = Client::monitor(Options::monitor());
        let mut output = FixedOutput::new(memory);
        hear(&mut client, bench_messages::GREETING.as_bytes());
        assert!(client.negotiate(&mut output, 7, &[]).is_ok(), "the handshake is refused");
        output.sent(usize::MAX);
        hear(&mut client, b"{\"return\": {}, \"id\": 4503599627370503}\r\n");
        Self { client, output, messages }
    }

    /// Takes one of the ways once.
    ///
    /// # Panics
    ///
    /// If it ends elsewhere.
    #[inline(never)]
    pub fn take(&mut self, path: Path) {
        match path {
            Path::RouteEvent => self.hear_event(&self.messages.event),
            Path::SplitEvent => self.hear_event(&self.messages.other_event),
            Path::RouteReply => self.ask("query-qmp-schema", &self.messages.reply),
            Path::SplitReply => self.ask("query-qmp-schema", &self.messages.other_reply),
            Path::Command => self.ask(bench_messages::COMMAND, &self.messages.short),
        }
    }

    fn hear_event(&mut self, text: &str) {
        let step = self.client.handle_input(black_box(text.as_bytes()));
        let Ok(Step { received: Some(Received::Event(event)), used, .. }) = step else {
            panic!("this was no event");
        };
        assert!(event.name() == "DEVICE_DELETED" && used == text.len());
        black_box(event);
    }

    fn ask(&mut self, name: &str, text: &str) {
        let executed = self.client.execute(&mut self.output, Request::new(name), ());
        assert!(executed.is_ok(), "the command is refused");
        black_box(self.output.bytes());
        self.output.sent(usize::MAX);
        let step = self.client.handle_input(black_box(text.as_bytes()));
        let Ok(Step { received: Some(Received::Answer(answer)), .. }) = step else {
            panic!("this was no answer");
        };
        assert!(answer.outcome.is_ok(), "this was a failure");
        black_box(answer);
    }
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
