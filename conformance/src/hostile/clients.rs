//! Hostile clients.

use std::thread;
use std::time::Duration;

use super::host::Conduct::{self, Answers, Holds, Tells};
use super::wire::Wire;
use super::{LIMIT, MIB, MOMENT, REST, USUAL_LIMIT, one_message};

/// A hostile client and the expected result.
pub(super) struct HostileClient {
    pub(super) does: &'static str,
    /// Returns the error that it received.
    pub(super) script: fn(&mut Wire) -> Option<String>,
    pub(super) conduct: Conduct,
    pub(super) longest: usize,
    /// A part of the error that it must receive.
    pub(super) told: &'static str,
    /// Whether its next command is executed and its script runs to the end.
    pub(super) survives: bool,
    /// The beginning of the close reason's `Debug` output.
    pub(super) hangup: &'static str,
    /// The text in the document.
    pub(super) says: &'static str,
    /// The most memory that it may take, in bytes.
    pub(super) most: usize,
}

/// The defaults.
const USUAL: HostileClient = HostileClient {
    does: "",
    script: |_| None,
    conduct: Answers,
    longest: LIMIT,
    told: "",
    survives: true,
    hangup: "ByClient",
    says: "",
    most: REST,
};

/// Replies buffered up to the limit at which reading stops, and the one that exceeds it, while the
/// output buffer grows.
const PILE: usize = 3 * MIB + REST;

const LETTERS: &[u8] = &[b'a'; 16 * 1024];

pub(super) const ALL: &[HostileClient] = &[
    HostileClient {
        does: "begins a string without end",
        script: |wire| endless_string(wire, 8 * LIMIT),
        told: "JSON token size limit exceeded",
        says: "the client gets the error \"JSON token size limit exceeded\"; its next command is executed",
        most: one_message(LIMIT),
        ..USUAL
    },
    HostileClient {
        does: "does so with the default limit",
        script: |wire| endless_string(wire, USUAL_LIMIT + 8 * MIB),
        longest: USUAL_LIMIT,
        told: "JSON token size limit exceeded",
        says: "the same",
        most: one_message(USUAL_LIMIT),
        ..USUAL
    },
    HostileClient {
        does: "opens a million brackets, with commands in them",
        script: |wire| {
            wire.negotiate("")?;
            wire.repeat(&[b'['; 1000], 1000)?;
            let told = wire.error()?;
            wire.say("{\"execute\": \"quit\"}{\"execute\": \"quit\"}")?;
            wire.say(b"\xff")?;
            wire.stop()?;
            Some(told)
        },
        told: "JSON nesting depth limit exceeded",
        says: "the client gets the error \"JSON nesting depth limit exceeded\"; the commands inside are not executed",
        ..USUAL
    },
    HostileClient {
        does: "sends broken messages with commands in their values",
        script: |wire| {
            wire.negotiate("")?;
            let mut told = String::new();
            for broken in [
                "{\"id\": \"\n{'execute': 'quit'}\", \"execute\": \"give\"}",
                "{\"id\": \"\n{\\\"execute\\\": \\\"quit\\\"}\", \"execute\": \"give\"}",
                "{\"id\": [NaN,\n{\"execute\": \"quit\"}], \"execute\": \"give\"}",
            ] {
                wire.say(broken)?;
                told = wire.error()?;
            }
            wire.stop()?;
            Some(told)
        },
        told: "JSON parse error, stray",
        says: "the client gets the error \"JSON parse error, stray ...\" once per message; the commands inside are not executed",
        ..USUAL
    },
    HostileClient {
        does: "sends text that is not UTF-8",
        script: |wire| {
            wire.negotiate("")?;
            wire.say(b"{\"execute\": \"\xc3\x28\"}")?;
            let told = wire.error()?;
            wire.stop()?;
            Some(told)
        },
        told: "JSON parse error, invalid UTF-8 sequence in string",
        says: "the client gets the error \"JSON parse error, invalid UTF-8 sequence in string\"",
        ..USUAL
    },
    HostileClient {
        does: "sends a reply as if it were a server",
        script: |wire| {
            wire.negotiate("")?;
            wire.say("{\"return\": {}, \"id\": 1}")?;
            let told = wire.error()?;
            wire.stop()?;
            Some(told)
        },
        told: "QMP input member 'return' is unexpected",
        says: "the client gets the error \"QMP input member 'return' is unexpected\"",
        ..USUAL
    },
    HostileClient {
        does: "sends its command one byte at a time",
        script: |wire| {
            wire.negotiate("")?;
            wire.drip("{\"execute\": \"give\"}", Duration::from_millis(10))?;
            wire.receive()?.get("return")?;
            wire.stop()?;
            Some(String::new())
        },
        says: "nothing: the command is answered",
        ..USUAL
    },
    HostileClient {
        does: "sends commands without end and reads no replies",
        script: |wire| {
            wire.negotiate("")?;
            wire.forever("{\"execute\": \"give\"}").map(|()| String::new())
        },
        survives: false,
        says: "nothing until it disconnects: its input is not read while a mebibyte of output is buffered",
        most: PILE,
        ..USUAL
    },
    HostileClient {
        does: "sends commands without end and does not negotiate",
        script: |wire| wire.forever("{\"execute\": \"give\"}".repeat(100)).map(|()| String::new()),
        survives: false,
        says: "nothing: no command is executed, and its input is not read while a mebibyte of output is buffered",
        most: PILE,
        ..USUAL
    },
    HostileClient {
        does: "sends nonsense without end and reads nothing",
        script: |wire| {
            wire.negotiate("")?;
            wire.forever("}x ".repeat(1000)).map(|()| String::new())
        },
        survives: false,
        says: "nothing until it disconnects: its input is not read while a mebibyte of errors is buffered",
        most: PILE,
        ..USUAL
    },
    HostileClient {
        does: "reads no events",
        script: |wire| {
            wire.negotiate("")?;
            wire.say("{\"execute\": \"give\"}")?;
            thread::sleep(MOMENT);
            None
        },
        conduct: Tells,
        survives: false,
        hangup: "NotReading { unsent: 104",
        says: "`CloseReason::NotReading`, once the limit of buffered output is reached (1 MiB here)",
        most: PILE,
        ..USUAL
    },
    HostileClient {
        does: "sends commands of the maximum length up to the in-flight limit",
        script: |wire| {
            wire.negotiate(", \"arguments\": {\"enable\": [\"oob\"]}")?;
            for id in 0..9 {
                wire.say(format!(
                    "{{\"id\": {id}, \"execute\": \"give\", \"arguments\": {{\"x\": \""
                ))?;
                wire.repeat(&LETTERS[..10_000], (LIMIT - 1000) / 10_000)?;
                wire.say("\"}}")?;
            }
            for _ in 0..9 {
                wire.receive()?.get("return")?;
            }
            wire.stop()?;
            Some(String::new())
        },
        conduct: Holds,
        says: "nothing: with `oob` nine commands of the maximum length are in flight",
        most: 9 * LIMIT + 2 * one_message(LIMIT),
        ..USUAL
    },
    HostileClient {
        does: "disconnects in the middle of a command",
        script: |wire| {
            wire.negotiate("")?;
            wire.say("{\"execute\": \"qu")?;
            None
        },
        survives: false,
        says: "`CloseReason::ByClient`, and no command",
        ..USUAL
    },
];

fn endless_string(wire: &mut Wire, length: usize) -> Option<String> {
    wire.negotiate("")?;
    wire.say("{\"execute\": \"")?;
    wire.repeat(LETTERS, length / LETTERS.len())?;
    let told = wire.error()?;
    wire.say("\"}\n")?;
    wire.stop()?;
    Some(told)
}
