//! A QMP client in memory of fixed size, which describes what it receives as text.
//!
//! Its output must be the same inside WebAssembly and outside.

#![no_std]

mod report;

use core::fmt::Write;

use qmp_proto::{Client, FixedOutput, Options, Phase, RawMessage, Received};
use report::Report;

/// A client, with memory of the caller.
#[derive(Debug)]
pub struct Narrator<'m> {
    client: Client<u32, 8>,
    input: &'m mut [u8],
    length: usize,
    output: [u8; 4096],
    report: Report<'m>,
    sent: u32,
}

impl<'m> Narrator<'m> {
    /// Creates a client of a monitor, with room for one message in `input`, and in `report` for all
    /// output of a call.
    ///
    /// The recorded replies have the ids of the recorded client, so ids are ignored.
    pub fn monitor(input: &'m mut [u8], report: &'m mut [u8]) -> Self {
        let options = Options::monitor().echoes_ids(false);
        Self::new(
            Client::monitor(options.longest_message(input.len().saturating_sub(1))),
            input,
            report,
        )
    }

    /// Creates a client of a guest agent.
    pub fn agent(input: &'m mut [u8], report: &'m mut [u8]) -> Self {
        let options = Options::agent().echoes_ids(false);
        Self::new(
            Client::agent(options.longest_message(input.len().saturating_sub(1))),
            input,
            report,
        )
    }

    fn new(client: Client<u32, 8>, input: &'m mut [u8], report: &'m mut [u8]) -> Self {
        Self { client, input, length: 0, output: [0; 4096], report: Report::new(report), sent: 0 }
    }

    /// Returns room for more bytes from the server.
    pub fn room(&mut self) -> &mut [u8] {
        self.input.get_mut(self.length..).unwrap_or_default()
    }

    /// Consumes the bytes that were written to the room.
    pub fn receive(&mut self, count: usize) {
        self.length = self.input.len().min(self.length.saturating_add(count));
        loop {
            let input = self.input.get(..self.length).unwrap_or_default();
            let used = match self.client.handle_input(input) {
                Ok(step) => {
                    let nothing = step.received.is_none();
                    step.received.iter().for_each(|received| describe(&mut self.report, received));
                    if nothing {
                        self.forget(step.used);
                        return;
                    }
                    step.used
                }
                Err(error) => {
                    self.report.line(format_args!("error: {error}"));
                    return;
                }
            };
            self.forget(used);
        }
    }

    fn forget(&mut self, count: usize) {
        let input = self.input.get_mut(..self.length).unwrap_or_default();
        let count = count.min(input.len());
        input.copy_within(count.., 0);
        self.length -= count;
    }

    /// Sends a recorded message: handshakes by its own means, commands unchanged.
    pub fn send(&mut self, message: &str) {
        let mut out = FixedOutput::new(&mut self.output);
        let sent = match self.client.phase() {
            Phase::Greeted => self.client.negotiate(&mut out, 7, &[]),
            Phase::Unsynced | Phase::Syncing => self.client.sync(&mut out, 7),
            _ => match RawMessage::parse(message) {
                Ok(message) => {
                    self.sent += 1;
                    let sent = self.client.execute_raw(&mut out, &message, self.sent);
                    sent.map(drop).map_err(|refused| refused.reason)
                }
                Err(error) => Err(error.into()),
            },
        };
        match sent {
            Ok(()) => self.report.line(format_args!("sent: {}", out.bytes().escape_ascii())),
            Err(refusal) => self.report.line(format_args!("refused: {refusal}")),
        }
    }

    /// Handles the end of the stream.
    pub fn end(&mut self) {
        match self.client.handle_end() {
            Ok(()) => self.report.line(format_args!("end")),
            Err(error) => self.report.line(format_args!("error: {error}")),
        }
        for lost in self.client.drain() {
            self.report.line(format_args!("unanswered: {}", lost.token));
        }
    }

    /// Returns the output since the last [`clear`](Self::clear).
    pub fn report(&self) -> &[u8] {
        self.report.bytes()
    }

    /// Discards the output.
    pub fn clear(&mut self) {
        self.report.clear();
    }
}

fn describe(report: &mut Report<'_>, received: &Received<'_, u32>) {
    match received {
        Received::Greeting(greeting) => {
            let version = greeting.version().unwrap_or_default();
            let _ = write!(report, "greeting: {version} {:?}", greeting.package());
            for capability in greeting.capabilities() {
                let _ = write!(report, " {capability}");
            }
            report.line(format_args!(""));
        }
        Received::Reply(answer) => match &answer.outcome {
            Ok(reply) => match reply.json() {
                Ok(json) => report.line(format_args!("success {}: {json}", answer.token)),
                Err(error) => report.line(format_args!("success {}: {error}", answer.token)),
            },
            Err(failure) => report.line(format_args!("error {}: {failure}", answer.token)),
        },
        Received::Event(event) => {
            let _ = write!(report, "event: {}", event.name());
            // Not the whole timestamp: core's formatting of 64-bit numbers keeps a check that could
            // panic.
            if let Some(time) = event.timestamp().and_then(|stamp| stamp.since_epoch()) {
                let _ = write!(report, " .{:06}", time.subsec_micros());
            }
            match event.data() {
                Ok(Some(data)) => report.line(format_args!(" {data}")),
                Ok(None) => report.line(format_args!("")),
                Err(error) => report.line(format_args!(" {error}")),
            }
        }
        Received::Unanswered(lost) => report.line(format_args!("unanswered: {}", lost.token)),
        Received::Stray(message) => report.line(format_args!("stray: {}", message.escape_ascii())),
        Received::Malformed(malformed) => report.line(format_args!("malformed: {malformed}")),
        Received::HandshakeFailed(failure) => {
            report.line(format_args!("handshake failed: {failure}"))
        }
        Received::ErrorBeforeGreeting(failure) => {
            report.line(format_args!("error before the greeting: {failure}"))
        }
        Received::ServerParseError(failure) => report.line(format_args!("unparsed: {failure}")),
        Received::Ready => report.line(format_args!("ready")),
        Received::Restarted(_) => report.line(format_args!("restarted")),
        _ => report.line(format_args!("desynchronised")),
    }
}
