//! Makes every call of qmp-proto without an allocator, on bytes that the compiler cannot know.
//!
//! It is built to be linked: if any of these calls could panic, it would not link. When run, its
//! input decides what it does.

#![no_std]
#![no_main]

use core::fmt::Display;

use bare_metal::{Trouble, Uart, host, start};
use qmp_proto::{
    Arguments, Client, ErrorClass, Event, Failure, FixedOutput, Greeting, JsonStr, Malformed,
    OUT_OF_BAND, Options, OutputBuffer, RawJson, RawMessage, Received, Reply, Request, RequestId,
    SendErrorKind, Timestamp, Unanswered,
};

start!(run);

type Machine = Client<u8, 3>;

/// The input, at most this long.
struct Input {
    uart: Uart,
    memory: [u8; 256],
    length: usize,
}

impl Input {
    /// Reads a length, then that many bytes.
    fn next(&mut self) -> &[u8] {
        self.length = self.byte().into();
        for at in 0..self.length {
            let byte = self.byte();
            if let Some(free) = self.memory.get_mut(at) {
                *free = byte;
            }
        }
        self.bytes()
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.uart.receive() {
                return byte;
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }

    fn text(&self) -> &str {
        core::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

fn run() -> Result<(), Trouble> {
    let mut input = Input { uart: Uart::enable(), memory: [0; 256], length: 0 };
    let (limit, habits) = (input.byte(), input.byte());
    let options = Options::default()
        .longest_message(limit.into())
        .deepest_message(habits.into())
        .string_ids(habits & 1 != 0)
        .line_end(habits & 2 != 0)
        .echoes_ids(habits & 4 != 0);
    let mut client = match input.byte() {
        0 => Machine::monitor(options),
        1 => Machine::negotiated(options, limit.into()),
        _ => Machine::agent(options),
    };
    let mut memory = [0; 256];
    let mut out = FixedOutput::new(&mut memory);
    let mut last = None;
    loop {
        let choice = input.byte();
        input.next();
        match choice {
            0 => return Ok(()),
            1 => hear(&mut client, input.bytes()),
            2 => refusal(client.negotiate(&mut out, choice.into(), &[OUT_OF_BAND])),
            3 => refusal(client.sync(&mut out, choice.into())),
            4 => last = send(&mut client, &mut out, Request::new(input.text())),
            5 => last = send_with_arguments(&mut client, &mut out, input.text()),
            6 => last = send_raw(&mut client, &mut out, input.text()),
            7 => end(&mut client),
            8 => output(&mut out, input.bytes()),
            9 => texts(input.text()),
            _ => {
                if let Some(request) = last {
                    show(client.abandon(request).unwrap_or_default());
                }
            }
        }
        show(client.phase());
        show(client.in_flight());
        show(client.is_out_of_band());
    }
}

fn show(what: impl Display) {
    host::say(format_args!("{what}"));
}

fn refusal(outcome: Result<(), SendErrorKind>) {
    if let Err(refusal) = outcome {
        show(refusal);
    }
}

fn send(
    client: &mut Machine,
    out: &mut FixedOutput<'_>,
    request: Request<'_>,
) -> Option<RequestId> {
    show(request.expects_success_response());
    let sent = match client.in_flight() {
        0 => client.execute(out, request, 1),
        1 => client.execute(out, request.out_of_band(), 2),
        _ => client.execute(out, request.no_success_response(), 3),
    };
    sent.inspect_err(|refused| show(refused)).ok()
}

fn send_with_arguments(
    client: &mut Machine,
    out: &mut FixedOutput<'_>,
    text: &str,
) -> Option<RequestId> {
    let arguments = Arguments::parse(text).inspect_err(|error| show(error)).ok()?;
    show(arguments.as_str());
    client.execute(out, Request::new("x").arguments(arguments), 4).ok()
}

fn send_raw(client: &mut Machine, out: &mut FixedOutput<'_>, text: &str) -> Option<RequestId> {
    let message = RawMessage::parse(text).inspect_err(|error| show(error)).ok()?;
    message.id().into_iter().for_each(show);
    show(message.name());
    show(message.is_out_of_band());
    client.execute_raw(out, &message, 5).inspect_err(|refused| show(refused)).ok()
}

fn hear(client: &mut Machine, input: &[u8]) {
    match client.handle_input(input) {
        Ok(step) => {
            show(step.used);
            step.received.into_iter().for_each(received);
        }
        Err(error) => show(error),
    }
}

fn received(received: Received<'_, u8>) {
    match received {
        Received::Greeting(it) | Received::Restarted(it) => greeting(&it),
        Received::Reply(answer) => {
            show(answer.token);
            match answer.outcome {
                Ok(it) => reply(&it),
                Err(it) => failure(&it),
            }
        }
        Received::ErrorBeforeGreeting(it)
        | Received::HandshakeFailed(it)
        | Received::ServerParseError(it) => failure(&it),
        Received::Unanswered(it) => unanswered(&it),
        Received::Event(it) => event(&it),
        Received::Stray(it) => show(it.escape_ascii()),
        Received::Malformed(it) => malformed(&it),
        _ => {}
    }
}

fn greeting(greeting: &Greeting<'_>) {
    greeting.version().into_iter().for_each(show);
    show(greeting.package());
    greeting.capabilities().for_each(show);
    show(greeting.offers(OUT_OF_BAND));
    show(greeting.message().escape_ascii());
}

fn reply(reply: &Reply<'_>) {
    json(reply.json());
    show(reply.message().escape_ascii());
}

fn json(json: Result<RawJson<'_>, qmp_proto::BodyError>) {
    match json {
        Ok(json) => show(json.as_str()),
        Err(error) => {
            show(error);
            show(error.kind());
            show(error.offset());
        }
    }
}

fn failure(failure: &Failure<'_>) {
    show(failure);
    show(failure.class());
    show(failure.description());
    show(failure.message().escape_ascii());
}

fn unanswered(unanswered: &Unanswered<u8>) {
    show(unanswered.token);
    show(unanswered.reason as u8);
}

fn event(event: &Event<'_>) {
    show(event.name());
    event.timestamp().into_iter().for_each(timestamp);
    match event.data() {
        Ok(data) => data.into_iter().for_each(show),
        Err(error) => show(error),
    }
    show(event.message().escape_ascii());
}

fn timestamp(timestamp: Timestamp) {
    // Not `show(timestamp)`: that formats 64-bit numbers, for which core keeps a check.
    show(timestamp.since_epoch().map_or(0, |time| time.subsec_micros()));
}

fn malformed(malformed: &Malformed<'_>) {
    show(malformed);
    show(malformed.reason);
    show(malformed.bytes.escape_ascii());
}

fn end(client: &mut Machine) {
    if let Err(error) = client.handle_end() {
        show(error);
    }
    client.drain().for_each(|it| unanswered(&it));
}

fn output(out: &mut FixedOutput<'_>, bytes: &[u8]) {
    if let Err(full) = out.append(bytes) {
        show(full);
    }
    show(out.length());
    out.truncate(bytes.len());
    show(out.bytes().escape_ascii());
    out.advance(bytes.len());
}

fn texts(text: &str) {
    match RawJson::parse(text) {
        Ok(json) => show(json.as_str()),
        Err(error) => {
            show(error);
            show(error.kind());
            show(error.offset());
        }
    }
    show(ErrorClass::named(text).name());
    let escaped = JsonStr::new(text);
    show(escaped.escaped());
    show(escaped.as_str().unwrap_or_default());
    show(escaped);
    show(escaped == *"x");
    show(escaped == JsonStr::new("y"));
    show(escaped.chars().count());
}
