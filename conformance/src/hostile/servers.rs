//! Hostile servers.

use std::time::Duration;

use super::user::After::{Over, Synced, Usable};
use super::user::User::{self, Connects, Executes, Listens, Repeats, SaysMuch, UsesAgent};
use super::wire::{GREETING, Wire};
use super::{LIMIT, MIB, MOMENT, PLENTY, REST, USUAL_LIMIT, one_message};

/// A hostile server and what its user must see.
pub(super) struct HostileServer {
    pub(super) does: &'static str,
    pub(super) script: fn(&mut Wire) -> Option<()>,
    pub(super) user: User,
    /// How long the user waits.
    pub(super) patience: Duration,
    pub(super) longest: usize,
    /// The beginning of the error kind's `Debug` output; empty if there is no error.
    pub(super) cause: &'static str,
    /// The text of the error, or otherwise the text in the document.
    pub(super) says: &'static str,
    pub(super) after: super::user::After,
    /// The most memory that it may take, in bytes.
    pub(super) most: usize,
}

/// The defaults.
pub(super) const USUAL: HostileServer = HostileServer {
    does: "",
    script: |_| None,
    user: Executes,
    patience: PLENTY,
    longest: LIMIT,
    cause: "",
    says: "",
    after: Over,
    most: REST,
};

const TOO_LONG: &str = "Disconnected { reason: Protocol(MessageTooLong { limit: 1048576 })";
const LETTERS: &[u8] = &[b'x'; 16 * 1024];
const BRACKETS: &[u8] = &[b'['; 16 * 1024];

pub(super) const ALL: &[HostileServer] = &[
    HostileServer {
        does: "sends letters without end instead of a greeting",
        script: |wire| wire.forever(LETTERS),
        user: Connects,
        cause: "Disconnected { reason: Malformed(",
        says: "the server sent something that is not a message: bytes outside any message: xxx…",
        ..USUAL
    },
    HostileServer {
        does: "answers with a line without end",
        script: |wire| {
            wire.greet()?;
            wire.receive()?;
            wire.say("{\"return\": \"")?;
            wire.forever(LETTERS)
        },
        cause: TOO_LONG,
        says: "the server sent a message longer than the limit of 1048576 bytes",
        most: one_message(LIMIT),
        ..USUAL
    },
    HostileServer {
        does: "does so with the default limit",
        script: |wire| {
            wire.greet()?;
            wire.receive()?;
            wire.say("{\"return\": \"")?;
            wire.forever(LETTERS)
        },
        longest: USUAL_LIMIT,
        cause: "Disconnected { reason: Protocol(MessageTooLong { limit: 68157440 })",
        says: "the server sent a message longer than the limit of 68157440 bytes",
        most: one_message(USUAL_LIMIT),
        ..USUAL
    },
    HostileServer {
        does: "sends spaces without end",
        script: |wire| {
            wire.greet()?;
            wire.forever([b' '; 16 * 1024])?;
            wire.echo()
        },
        patience: MOMENT,
        cause: "NoReply",
        says: "query-name: no answer in …; the command was sent, and its outcome is unknown",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "sends events without end and no reply",
        script: |wire| {
            wire.greet()?;
            wire.forever(event(1000).repeat(16))?;
            wire.echo()
        },
        user: Listens,
        patience: MOMENT,
        cause: "EventsLost",
        says: "events were not read in time and had to be dropped",
        after: Usable,
        // 4 MiB of messages; in addition each of 4096 has a structure and a place in a growing
        // queue.
        most: 6 * MIB,
        ..USUAL
    },
    HostileServer {
        does: "sends long events to a client without a subscription",
        script: |wire| {
            wire.greet()?;
            let command = wire.receive()?;
            wire.repeat(event(LIMIT - 1000).as_bytes(), 40)?;
            wire.answer(&command, "1")?;
            wire.echo()
        },
        says: "nothing: the reply arrives, and the last 4 MiB of events are kept",
        after: Usable,
        // Includes the copy being made and the peer's own buffer.
        most: 5 * MIB + 2 * one_message(LIMIT),
        ..USUAL
    },
    HostileServer {
        does: "sends replies with an unknown id without end",
        script: |wire| {
            wire.greet()?;
            wire.forever("{\"return\": {}, \"id\": 12345}\r\n".repeat(500))?;
            wire.echo()
        },
        patience: MOMENT,
        cause: "NoReply",
        says: "query-name: no answer in …; the command was sent, and its outcome is unknown",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "sends every reply twice in a row",
        script: |wire| {
            wire.greet()?;
            loop {
                let message = wire.receive()?;
                let number = message["arguments"]["number"].to_string();
                let id = &message["id"];
                wire.say(format!(
                    "{{\"return\": {number}, \"id\": {id}}}\r\n{{\"return\": \"x\", \"id\": {id}}}\r\n"
                ))?;
            }
        },
        user: Repeats,
        says: "nothing: the second reply is ignored",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "repeats all earlier replies after each later command",
        script: |wire| {
            wire.greet()?;
            let mut answered = String::new();
            loop {
                let command = wire.receive()?;
                wire.say(&answered)?;
                let number = command["arguments"]["number"].to_string();
                wire.answer(&command, &number)?;
                answered += &format!("{{\"return\": \"late\", \"id\": {}}}\r\n", command["id"]);
            }
        },
        user: Repeats,
        says: "nothing: late replies are ignored, even while other commands wait",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "sends replies before its greeting",
        script: |wire| {
            for id in 0..64 {
                wire.say(format!("{{\"return\": \"early\", \"id\": {id}}}\r\n"))?;
            }
            wire.greet()?;
            wire.echo()
        },
        user: Repeats,
        says: "nothing: those replies are ignored",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "sends greetings without end and reads nothing",
        script: |wire| wire.forever(GREETING.repeat(100)),
        user: Connects,
        cause: "Disconnected { reason: Protocol(GreetsWithoutEnd { greetings: 8 })",
        says: "the server greeted more than 8 times and replied to no negotiation",
        ..USUAL
    },
    HostileServer {
        does: "opens brackets without end",
        script: |wire| {
            wire.greet()?;
            wire.receive()?;
            wire.say("{\"return\": ")?;
            wire.forever(BRACKETS)
        },
        cause: "Disconnected { reason: Protocol(TooDeep { limit: 1024 })",
        says: "the server sent a message nested deeper than the limit of 1024 levels",
        most: one_message(LIMIT),
        ..USUAL
    },
    HostileServer {
        does: "sends 100000 levels in a line of QEMU's shape",
        script: |wire| {
            wire.greet()?;
            let command = wire.receive()?;
            wire.answer(&command, &("[".repeat(100_000) + &"]".repeat(100_000)))?;
            wire.echo()
        },
        cause: "Decode",
        says: "the answer is not what was expected: nesting deeper than 1023 levels",
        after: Usable,
        most: one_message(LIMIT),
        ..USUAL
    },
    HostileServer {
        does: "sends 100000 levels in a line of another shape",
        script: |wire| {
            wire.greet()?;
            let id = wire.id()?;
            wire.say(format!("{{\"id\": {id}, \"return\": "))?;
            wire.repeat(&BRACKETS[..1000], 100)?;
            wire.repeat(&[b']'; 1000], 100)?;
            wire.say("}\r\n")
        },
        cause: "Disconnected { reason: Protocol(TooDeep { limit: 1024 })",
        says: "the server sent a message nested deeper than the limit of 1024 levels",
        ..USUAL
    },
    HostileServer {
        does: "sends a greeting with a million brackets",
        script: |wire| {
            wire.say("{\"QMP\": ")?;
            wire.forever(BRACKETS)
        },
        user: Connects,
        cause: "Disconnected { reason: Protocol(TooDeep { limit: 1024 })",
        says: "the server sent a message nested deeper than the limit of 1024 levels",
        ..USUAL
    },
    HostileServer {
        does: "answers with text that is not UTF-8",
        script: |wire| {
            wire.greet()?;
            let id = wire.id()?;
            wire.say(b"{\"return\": \"\xc3\x28\xfe\xff\", \"id\": ")?;
            wire.say(format!("{id}}}\r\n"))?;
            wire.echo()
        },
        cause: "Decode",
        says: "the answer is not what was expected: bytes that are not UTF-8",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "sends bytes at random",
        script: |wire| {
            wire.greet()?;
            wire.receive()?;
            wire.forever(b"\x00\xff\x7f\xfe}{\"\\\r\n")
        },
        cause: "Disconnected { reason: Malformed(",
        says: "the server sent something that is not a message: …",
        ..USUAL
    },
    HostileServer {
        does: "sends its greeting one byte at a time",
        script: |wire| wire.drip(GREETING, MOMENT / 8),
        user: Connects,
        patience: MOMENT,
        cause: "HandshakeTimeout",
        says: "connected, but no answer to the handshake in … complete message: is it a QMP server?",
        ..USUAL
    },
    HostileServer {
        does: "sends its reply one byte at a time",
        script: |wire| {
            wire.greet()?;
            let command = wire.receive()?;
            wire.drip(&" ".repeat(1000), MOMENT / 8)?;
            wire.answer(&command, "1")?;
            wire.echo()
        },
        patience: MOMENT,
        cause: "NoReply",
        says: "query-name: no answer in …; the command was sent, and its outcome is unknown",
        after: Usable,
        ..USUAL
    },
    HostileServer {
        does: "reads nothing of a command of 4 MiB",
        script: |wire| {
            wire.greet()?;
            wire.idle();
            wire.echo()
        },
        user: SaysMuch,
        patience: MOMENT,
        cause: "NoReply",
        says: "query-name: no answer in …; the command was sent, and its outcome is unknown",
        after: Usable,
        // The user's text, the serialized arguments, and the output buffer; the latter two also
        // while they grow.
        most: 7 * 4 * MIB,
        ..USUAL
    },
    HostileServer {
        does: "is an agent and sends a line without end",
        script: |wire| {
            wire.sync()?;
            wire.receive()?;
            wire.repeat(LETTERS, 4 * LIMIT / LETTERS.len())?;
            wire.say("\n")?;
            wire.sync()?;
            wire.echo()
        },
        user: UsesAgent,
        cause: "Unanswered",
        says: "the server went on without answering this command",
        after: Synced,
        most: one_message(LIMIT),
        ..USUAL
    },
    HostileServer {
        does: "is an agent and sends the byte 0xFF without end",
        script: |wire| {
            wire.sync()?;
            wire.forever([0xff; 16 * 1024])?;
            wire.echo()
        },
        user: UsesAgent,
        patience: MOMENT,
        cause: "NoReply",
        says: "query-name: no answer in …; the command was sent, and its outcome is unknown",
        after: Usable,
        ..USUAL
    },
];

fn event(length: usize) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"NOISE\", \
         \"data\": {{\"text\": \"{}\"}}}}\r\n",
        "x".repeat(length)
    )
}
