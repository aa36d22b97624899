//! What a client receives does not depend on the pieces of the stream, nor on the owner of the
//! buffer, and no stream makes it panic, stop progressing or exceed its limit.

mod role;
mod side;

use qmp_proto::{Failure, NoReplyReason, ProtocolError, Received, Reply};

use super::Corpus;
use super::cuts::{Cuts, bytewise};
use role::Role;
use side::{Bare, Buffered, Sends, Side};

/// The input consists of a role, the cuts, and the stream.
pub(super) fn holds(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let role = Role::new(choice);
    let (cuts, stream) = Cuts::split_from(rest);
    let pieces = cuts.pieces(stream);
    let whole = feed(role.put(Bare::new), &[stream]);
    assert_eq!(feed(role.put(Bare::new), &pieces), whole, "cut");
    assert_eq!(feed(role.put(Buffered::new), &pieces), whole, "with a buffer");
    if stream.len() <= 600 {
        assert_eq!(feed(role.put(Bare::new), &bytewise(stream)), whole, "cut at every byte");
    }
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for stream in &corpus.servers {
        for role in Role::all(stream.agent) {
            let cuts = Cuts::join(&stream.cuts, &stream.bytes);
            seeds.push([&[role][..], &cuts].concat());
        }
    }
    seeds
}

/// The result of a stream.
#[derive(Debug, PartialEq)]
struct Observed {
    described: Vec<String>,
    sent: Vec<u8>,
    end: Result<(), ProtocolError>,
    unanswered: Vec<(u32, NoReplyReason)>,
}

fn feed(mut side: impl Side, pieces: &[&[u8]]) -> Observed {
    let mut described = Vec::new();
    let mut mark = 0;
    for piece in pieces {
        let received = side.feed(piece, &mut |received, sender| {
            described.push(describe(received));
            react(received, sender, &mut mark);
        });
        if let Err(error) = received {
            described.push(format!("{error:?}"));
            break;
        }
    }
    let (end, unanswered) = side.ends();
    Observed { described, sent: side.sent(), end, unanswered }
}

/// A caller that keeps the connection busy.
fn react(received: &Received<'_, u32>, sender: &mut dyn Sends, mark: &mut u32) {
    match received {
        Received::Greeting(greeting) => sender.negotiates(greeting.offers("oob")),
        Received::Restarted(_) => sender.negotiates(false),
        Received::HandshakeFailed(_) => {
            sender.negotiates(false);
            sender.syncs();
        }
        Received::Desynchronised => sender.syncs(),
        Received::Ready | Received::Reply(_) | Received::Unanswered(_) => {
            *mark += 1;
            sender.executes(*mark);
        }
        _ => {}
    }
}

/// Describes everything that can be read from it.
fn describe(received: &Received<'_, u32>) -> String {
    let outcome = |outcome: &Result<Reply<'_>, Failure<'_>>| match outcome {
        Ok(reply) => {
            let owned = reply.into_owned();
            let value = reply.json().map(|json| json.to_string());
            assert_eq!(owned.json().map(|json| json.to_string()), value);
            format!("{value:?} in {}", shown(reply.message()))
        }
        Err(failure) => {
            assert_eq!(failure.into_owned().to_string(), failure.to_string());
            format!("{failure} in {}", shown(failure.message()))
        }
    };
    match received {
        Received::Greeting(greeting) | Received::Restarted(greeting) => {
            let names: Vec<_> = greeting.capabilities().map(|name| name.to_string()).collect();
            assert_eq!(greeting.into_owned().capabilities(), names);
            let (version, package) = (greeting.version(), greeting.package());
            format!("{version:?} {package} {names:?} in {}", shown(greeting.message()))
        }
        Received::ErrorBeforeGreeting(failure) => format!("no greeting: {failure}"),
        Received::Ready => "ready".into(),
        Received::HandshakeFailed(failure) => format!("handshake: {failure}"),
        Received::Reply(answer) => format!("{}: {}", answer.token, outcome(&answer.outcome)),
        Received::Unanswered(lost) => format!("{}: {:?}", lost.token, lost.reason),
        Received::Event(event) => {
            let data = event.data().map(|data| data.map(|data| data.to_string()));
            let owned = event.into_owned();
            assert_eq!(owned.data().map(|data| data.map(|data| data.to_string())), data);
            assert_eq!(owned.name(), event.name());
            let stamp = event.timestamp();
            format!("{} {stamp:?} {data:?} in {}", event.name(), shown(event.message()))
        }
        Received::Stray(message) => format!("stray {}", shown(message)),
        Received::ServerParseError(failure) => format!("parse error {failure}"),
        Received::Malformed(malformed) => {
            assert!(malformed.bytes.len() <= 256);
            format!("malformed {malformed}")
        }
        Received::Desynchronised => "desynchronised".into(),
        other => panic!("new to the laws: {other:?}"),
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
