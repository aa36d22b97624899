//! What a server receives does not depend on the pieces of the stream, nor on the owner of the
//! buffer; no stream makes it panic, stop progressing or exceed its limit; and each received
//! request has one reply, which is one message.

mod role;
mod side;

use qmp_proto::server::Received;
use qmp_proto::{Client, Options};

use super::Corpus;
use super::cuts::{Cuts, bytewise};
use role::Role;
use side::{Bare, Buffered, Host, Side};

/// The input consists of two bytes for a role, the cuts, and the stream.
pub(super) fn holds(input: &[u8]) {
    let [choice, policy, rest @ ..] = input else { return };
    let role = Role::new(*choice);
    let (cuts, stream) = Cuts::split_from(rest);
    let pieces = cuts.pieces(stream);
    let whole = feed(role.put(Bare::new), *policy, &[stream]);
    whole.check(role);
    assert_eq!(feed(role.put(Bare::new), *policy, &pieces), whole, "cut");
    assert_eq!(feed(role.put(Buffered::new), *policy, &pieces), whole, "with a buffer");
    if stream.len() <= 600 {
        let bytes = bytewise(stream);
        assert_eq!(feed(role.put(Bare::new), *policy, &bytes), whole, "cut at every byte");
    }
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (policy, stream) in corpus.clients.iter().enumerate() {
        for role in Role::all(stream.agent, stream.negotiated) {
            let cuts = Cuts::join(&stream.cuts, &stream.bytes);
            seeds.push([&[role, policy as u8][..], &cuts].concat());
        }
    }
    seeds
}

/// The result of a stream.
#[derive(Debug, PartialEq)]
struct Observed {
    described: Vec<String>,
    /// The number of events and replies to commands.
    sent: usize,
    out: Vec<u8>,
    inside: bool,
}

fn feed(mut side: impl Side, policy: u8, pieces: &[&[u8]]) -> Observed {
    let mut host = Host::new(policy);
    let mut described = Vec::new();
    for piece in pieces {
        side.feed(piece, &mut host, &mut |received| described.push(describe(received)));
    }
    side.settles(&mut host);
    Observed { described, sent: host.sent(), out: side.out(), inside: side.is_inside_message() }
}

impl Observed {
    fn check(&self, role: Role) {
        let commands = self.described.iter().filter(|it| it.starts_with("command ")).count();
        let messages = self.described.len() - commands + self.sent;
        let sentinels = self.out.iter().filter(|&&byte| byte == 0xFF).count();
        let synced = self.described.iter().filter(|it| it.starts_with("synced")).count();
        assert!(sentinels <= synced);
        let text: Vec<u8> = self.out.iter().copied().filter(|&byte| byte != 0xFF).collect();
        assert!(text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')), "no ASCII");
        if !role.is_pretty() {
            let lines = text.split_inclusive(|&byte| byte == b'\n');
            assert_eq!(lines.clone().count(), messages);
            for line in lines {
                assert!(line.ends_with(b"\n"));
                serde_json::from_slice::<serde::de::IgnoredAny>(line).unwrap();
            }
        }
        assert_eq!(client_hears(&text), messages, "{}", text.escape_ascii());
    }
}

/// Returns the number of messages that a client finds in the output. Without a greeting, replies
/// are strays, and errors may be sent in place of a greeting.
fn client_hears(text: &[u8]) -> usize {
    use qmp_proto::Received;
    let mut client: Client<()> = Client::monitor(Options::monitor());
    let (mut used, mut received) = (0, 0);
    loop {
        let step = client.handle_input(&text[used..]).unwrap();
        used += step.used;
        match step.received {
            Some(Received::Event(_) | Received::Stray(_) | Received::ErrorBeforeGreeting(_)) => {
                received += 1
            }
            Some(other) => panic!("{other:?} in {}", text.escape_ascii()),
            None => break,
        }
    }
    assert_eq!(used, text.len());
    received
}

/// Describes everything that can be read from it.
fn describe(received: &Received<'_>) -> String {
    match received {
        Received::Command(command, ticket) => {
            let owned = command.clone().into_owned();
            assert_eq!(owned.name(), command.name());
            assert_eq!(owned.arguments(), command.arguments());
            assert_eq!(ticket.is_out_of_band(), command.is_out_of_band());
            let (name, arguments) = (command.name(), command.arguments());
            let message = command.message();
            serde_json::from_str::<serde::de::IgnoredAny>(message.as_str()).unwrap();
            format!("command {name:?} {arguments:?} in {message} for {ticket:?}")
        }
        Received::Negotiated { out_of_band } => format!("negotiated {out_of_band}"),
        Received::Synced(number) => format!("synced {number}"),
        Received::Rejected(rejected) => {
            assert!(rejected.bytes.len() <= 256);
            format!("rejected {rejected}")
        }
        other => panic!("new to the laws: {other:?}"),
    }
}
