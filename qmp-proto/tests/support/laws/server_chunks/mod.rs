//! What a server makes of a stream does not depend on how the stream was cut, nor on who holds the
//! bytes; nothing a client can send makes it panic, stand still or hold more than its limit; and
//! each thing it hears has one answer, which is one message.

mod role;
mod side;

use qmp_proto::server::Received;
use qmp_proto::{Client, Options};

use super::Corpus;
use super::cuts::{Cuts, Piece, at_marks, bytewise};
use role::Role;
use side::{Bare, Buffered, Host, Side};

/// Bytes: two for a role, the cuts, the stream. A descriptor comes with what is behind a mark.
pub(super) fn holds(input: &[u8]) {
    let [choice, policy, rest @ ..] = input else { return };
    let role = Role::new(*choice);
    let (cuts, stream) = Cuts::split_from(rest);
    let pieces = cuts.pieces(stream);
    let whole = hears(role.put(Bare::new), *policy, &at_marks(stream, &pieces));
    whole.check(role);
    assert_eq!(hears(role.put(Bare::new), *policy, &pieces), whole, "cut");
    assert_eq!(hears(role.put(Buffered::new), *policy, &pieces), whole, "with a buffer");
    if stream.len() <= 600 {
        let bytes = bytewise(&pieces);
        assert_eq!(hears(role.put(Bare::new), *policy, &bytes), whole, "cut at every byte");
    }
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (policy, stream) in corpus.clients.iter().enumerate() {
        for role in Role::all(stream.agent, stream.negotiated) {
            let cuts = Cuts::join(&stream.cuts, &stream.bytes);
            seeds.push([&[role, policy as u8][..], &cuts].concat());
        }
        if stream.bytes.windows(5).any(|it| it == b"getfd") {
            let at = stream.bytes.len() / 2;
            let mut marked = Cuts::join(&[at.min(127)], &stream.bytes);
            marked[1] |= Cuts::MARK;
            seeds.push([&[Role::all(false, Some(true))[0], 0][..], &marked].concat());
        }
    }
    seeds
}

/// What became of a stream.
#[derive(Debug, PartialEq)]
struct Heard {
    told: Vec<String>,
    /// Events, and answers to commands.
    said: usize,
    out: Vec<u8>,
    inside: bool,
}

fn hears(mut side: impl Side, policy: u8, pieces: &[Piece<'_>]) -> Heard {
    let mut host = Host::new(policy);
    let mut told = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        if piece.marked {
            // The same one however the stream is cut.
            let marks = pieces[..number].iter().filter(|it| it.marked).count();
            host.bring(marks as u32);
        }
        side.hears(piece.bytes, &mut host, &mut |received| told.push(tell(received)));
    }
    side.settles(&mut host);
    Heard { told, said: host.said(), out: side.out(), inside: side.is_inside_message() }
}

impl Heard {
    fn check(&self, role: Role) {
        let commands = self.told.iter().filter(|it| it.starts_with("command ")).count();
        let messages = self.told.len() - commands + self.said;
        let sentinels = self.out.iter().filter(|&&byte| byte == 0xFF).count();
        let synced = self.told.iter().filter(|it| it.starts_with("synced")).count();
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

/// How many messages a client finds in what a server sent. Without a greeting replies are strays to it,
/// and errors could be what a server sends in place of a greeting.
fn client_hears(text: &[u8]) -> usize {
    use qmp_proto::Received;
    let mut client: Client<()> = Client::monitor(Options::monitor());
    let (mut used, mut heard) = (0, 0);
    loop {
        let step = client.handle_input(&text[used..]).unwrap();
        used += step.used;
        match step.received {
            Some(Received::Event(_) | Received::Stray(_) | Received::ErrorBeforeGreeting(_)) => {
                heard += 1
            }
            Some(other) => panic!("{other:?} in {}", text.escape_ascii()),
            None => break,
        }
    }
    assert_eq!(used, text.len());
    heard
}

/// Everything that can be read from it.
fn tell(received: &Received<'_, u32>) -> String {
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
