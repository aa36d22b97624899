//! Any sequence of valid messages is received correctly, in any format, with any blanks between
//! them, and in any pieces.

mod choices;
mod message;
mod print;
mod session;

use std::collections::BTreeMap;

use qmp_proto::{Client, NoDescriptor, Options, Received, Request};
use serde_json::value::RawValue;

use super::Corpus;
use choices::Choices;
use session::Session;

/// The number of requests in flight, more than a session answers.
const REQUESTS: u64 = 40;

/// The number of a handshake with nonce 7.
const SEVEN: u64 = (1 << 52) + 7;

/// The input consists of choices.
pub(super) fn holds(input: &[u8]) {
    let mut choices = Choices::new(input);
    let agent = choices.one_in(4);
    let session = Session::any(&mut choices, agent, SEVEN);
    let length = session.bytes.len();
    feed(agent, &session, length);
    feed(agent, &session, 1 + choices.below(40));
    feed(agent, &session, 1 + choices.below(length));
    if length <= 2000 {
        feed(agent, &session, 1);
    }
}

/// Feeds the session to a client in pieces of this length.
fn feed(agent: bool, session: &Session, length: usize) {
    let mut client = match agent {
        true => Client::agent(Options::agent()),
        false => Client::monitor(Options::monitor()),
    };
    if agent {
        client.sync(&mut Vec::new(), 7).unwrap();
    }
    let mut expected = session.messages.iter();
    let mut input = Vec::new();
    for piece in session.bytes.chunks(length) {
        input.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let step = client.handle_input(&input[at..]).unwrap();
            at += step.used;
            let Some(received) = step.received else { break };
            let Some((text, id)) = expected.next() else { panic!("{received:?} too") };
            check(&received, text, *id);
            act(&mut client, &received);
        }
        input.drain(..at);
    }
    let missing: Vec<_> = expected.collect();
    let received = session.messages.len() - missing.len();
    assert_eq!(
        missing,
        [] as [&(String, Option<u64>); 0],
        "after {received}, in pieces of {length}"
    );
}

fn act(client: &mut Client<u64>, received: &Received<'_, u64>) {
    match received {
        Received::Greeting(_) => client.negotiate(&mut Vec::new(), 7, &[]).unwrap(),
        Received::Ready => {
            for token in 0..REQUESTS {
                let request: Request<'_, NoDescriptor> = Request::new("x");
                client.execute(&mut Vec::new(), request, token).unwrap();
            }
        }
        _ => {}
    }
}

/// Checks that the received message is this one, belongs to this request, and has the right body.
fn check(received: &Received<'_, u64>, text: &str, id: Option<u64>) {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
    let member = |name: &str| members.get(name).map(|value| value.get());
    let same = |message: &[u8]| assert_eq!(message, text.as_bytes());
    match received {
        Received::Greeting(greeting) => same(greeting.message()),
        Received::Ready => assert_eq!(id, Some(SEVEN)),
        Received::Reply(answer) => {
            assert_eq!(Some(answer.token), id);
            match &answer.outcome {
                Ok(reply) => {
                    same(reply.message());
                    assert_eq!(Some(reply.json().unwrap().as_str()), member("return"));
                }
                Err(failure) => same(failure.message()),
            }
        }
        Received::Event(event) => {
            same(event.message());
            let data = event.data().unwrap();
            assert_eq!(data.as_ref().map(|data| data.as_str()), member("data"));
        }
        Received::Stray(message) => {
            same(message);
            assert!(id.is_none_or(|id| id >= REQUESTS), "the answer to {id:?} is nobody's");
        }
        other => panic!("{other:?}, not {text}"),
    }
}

pub(super) fn seeds(_: &Corpus) -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut byte = || {
        // A multiplicative congruential generator, of which the high bits are used.
        state = state.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..400).map(|number| (0..20 + number).map(|_| byte()).collect()).collect()
}
