//! The fast route and the full route split a line into objects as serde_json splits a stream of
//! values. Invalid JSON may be matched to a request by its id, but has no value.

use qmp_proto::{BodyError, Client, NoDescriptor, Options, Received, Request};
use serde_json::value::RawValue;

use super::Corpus;
use super::meaning::{is_json, members, unescaped};

/// The input consists of lines.
pub(super) fn holds(input: &[u8]) {
    for line in input.split(|&byte| byte == b'\n' || byte == 0xFF) {
        let line = trimmed(line);
        if !line.is_empty() {
            check(line);
        }
    }
}

/// Values that servers have sent and that are not JSON.
const UNREADABLE: [&[u8]; 9] = [
    b"{\"x\": NaN}",
    b"{\"x\": -inf}",
    b"{\"x\": 0,5}",
    b"{\"x\": 1,}",
    b"{\"x\": \"\\ud800\"}",
    b"{\"x\": \"caf\xe9\"}",
    b"{\"x\": \"a\tb\"}",
    b"{\"x\": 'a'}",
    b"{\"x\": 01}",
];

const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// Trims JSON's blanks.
fn trimmed(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

/// The kind of an object.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Greeting,
    Reply { value: String, id: Option<String> },
    Failure { class: String, description: String, id: Option<String> },
    Event { name: String, stamp: Option<(i64, i64)>, data: Option<String> },
    NoMessage,
}

/// What a client received.
#[derive(Clone, Debug, PartialEq)]
enum Observed {
    Message(Kind),
    /// A reply that was matched by its id, whose value is not JSON.
    Unreadable,
    Stray,
    Malformed,
}

fn check(line: &[u8]) {
    let Some((kinds, whole)) = objects(line) else { return };
    let received = feed(line);
    // No server sends a blank there.
    let full = line.strip_prefix(b"{").map(|rest| feed(&[b"{ ", rest].concat()));
    let expected = expected(&kinds);
    for received in full.iter().chain([&received]) {
        let expected = expected.iter().cloned();
        assert!(
            received.iter().take(kinds.len()).cloned().eq(expected),
            "{received:?}, not {kinds:?}"
        );
        assert!(!whole || received.len() == kinds.len(), "{received:?} is more than {kinds:?}");
    }
    routed(line, kinds.first());
}

/// Returns what a client receives that has one request in flight at a time and needs no ids: a
/// reply with the request's id or without an id belongs to the request.
fn expected(kinds: &[Kind]) -> Vec<Observed> {
    let mut in_flight = 0;
    let expect = |kind: &Kind| match kind {
        Kind::NoMessage => Observed::Malformed,
        Kind::Reply { id, .. } | Kind::Failure { id, .. } => {
            let id = id.as_deref().filter(|id| *id != "null");
            if id.is_some_and(|id| id != in_flight.to_string()) {
                return Observed::Stray;
            }
            in_flight += 1;
            Observed::Message(kind.clone())
        }
        // A synced agent sends no greetings.
        Kind::Greeting => Observed::Stray,
        Kind::Event { .. } => Observed::Message(kind.clone()),
    };
    kinds.iter().map(expect).collect()
}

/// Returns the objects at the start of a line, and whether the line contains nothing else; or
/// `None` if serde_json refuses valid JSON in it.
fn objects(line: &[u8]) -> Option<(Vec<Kind>, bool)> {
    let mut kinds = Vec::new();
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<&RawValue>();
    loop {
        let start = values.byte_offset();
        match values.next() {
            Some(Ok(value)) if value.get().starts_with('{') => {
                let object = value.get().as_bytes();
                if !is_json(object)? {
                    return Some((kinds, false));
                }
                kinds.push(split(object));
            }
            Some(_) => {
                is_json(&line[start..])?;
                return Some((kinds, false));
            }
            None => return Some((kinds, true)),
        }
    }
}

/// Returns what serde_json finds in a valid text.
fn split(line: &[u8]) -> Kind {
    let Some(members) = members(line) else { return Kind::NoMessage };
    let known = ["QMP", "return", "error", "event", "data", "timestamp", "id"];
    let all = |name: &str| members.iter().filter(|it| it.0 == name).count();
    if known.iter().any(|name| all(name) > 1) {
        return Kind::NoMessage;
    }
    let member = |name: &str| members.iter().find(|it| it.0 == name).map(|it| it.1.clone());
    match (member("QMP"), member("return"), member("error"), member("event")) {
        (Some(greeting), None, None, None) if greeting.starts_with('{') => Kind::Greeting,
        (None, Some(value), None, None) => Kind::Reply { value, id: member("id") },
        (None, None, Some(error), None) => {
            let inner = self::members(error.as_bytes()).unwrap_or_default();
            let last = |name: &str| {
                let it = inner.iter().rfind(|it| it.0 == name)?;
                it.1.starts_with('"').then(|| it.1.clone())
            };
            let Some(class) = last("class") else { return Kind::NoMessage };
            let class = class[1..class.len() - 1].to_string();
            let description = last("desc").map_or(String::new(), |text| unescaped(&text));
            Kind::Failure { class, description, id: member("id") }
        }
        (None, None, None, Some(name)) if name.starts_with('"') => {
            let stamp = member("timestamp").and_then(|stamp| {
                let stamp = self::members(stamp.as_bytes())?;
                let last = |name: &str| stamp.iter().rfind(|it| it.0 == name)?.1.parse().ok();
                Some((last("seconds")?, last("microseconds")?))
            });
            let name = name[1..name.len() - 1].to_string();
            Kind::Event { name, stamp, data: member("data") }
        }
        _ => Kind::NoMessage,
    }
}

const SEVEN: u64 = (1 << 52) + 7;

/// Returns the client of an agent with a number of requests in flight.
fn client(echoes_ids: bool, count: u32) -> Client<u32> {
    let mut client = Client::agent(Options::agent().echoes_ids(echoes_ids));
    client.sync(&mut Vec::new(), 7).unwrap();
    let answer = [b"\xFF", format!("{{\"return\":{SEVEN},\"id\":{SEVEN}}}\n").as_bytes()].concat();
    assert!(matches!(client.handle_input(&answer).unwrap().received, Some(Received::Ready)));
    (0..count).for_each(|token| execute(&mut client, token));
    client
}

fn execute(client: &mut Client<u32>, token: u32) {
    let request: Request<'_, NoDescriptor> = Request::new("x");
    client.execute(&mut Vec::new(), request, token).unwrap();
}

/// Returns what a client receives that matches replies by order.
fn feed(line: &[u8]) -> Vec<Observed> {
    let text = [line, b"\n"].concat();
    let mut client = client(false, 1);
    let (mut all, mut at) = (Vec::new(), 0);
    loop {
        let step = client.handle_input(&text[at..]).unwrap();
        at += step.used;
        let Some(received) = step.received else { return all };
        if let Received::Unanswered(_) = received {
            // The client has lost sync.
            return all;
        }
        let answered = matches!(received, Received::Reply(_));
        all.push(read(received));
        if answered {
            execute(&mut client, 1);
        }
    }
}

fn read(received: Received<'_, u32>) -> Observed {
    match received {
        Received::Reply(answer) => match answer.outcome {
            Ok(reply) => {
                let Ok(value) = reply.json() else {
                    assert!(reply.decode::<serde_json::Value>().is_err());
                    assert!(reply.into_owned().message_with_id(None).is_err());
                    return Observed::Unreadable;
                };
                let value = value.as_str().to_string();
                let decoded = reply.decode::<serde_json::Value>().ok();
                assert_eq!(decoded, serde_json::from_str(&value).ok());
                let id =
                    with_other_ids(reply.message(), |id| reply.into_owned().message_with_id(id));
                Observed::Message(Kind::Reply { value, id })
            }
            Err(failure) => {
                let class = failure.class().name().to_string();
                let description = failure.description().to_string();
                let with = |id: Option<&str>| failure.into_owned().message_with_id(id);
                let id = with_other_ids(failure.message(), with);
                Observed::Message(Kind::Failure { class, description, id })
            }
        },
        Received::Event(event) => {
            let Ok(data) = event.data() else { return Observed::Unreadable };
            Observed::Message(Kind::Event {
                name: event.name().to_string(),
                stamp: event.timestamp().map(|stamp| (stamp.seconds, stamp.microseconds)),
                data: data.map(|data| data.as_str().to_string()),
            })
        }
        Received::Stray(_) => Observed::Stray,
        Received::Malformed(_) | Received::Desynchronised => Observed::Malformed,
        other => panic!("{other:?}"),
    }
}

/// Checks that the id of a message can be replaced, and returns the original id.
fn with_other_ids(
    message: &[u8],
    with: impl Fn(Option<&str>) -> Result<Vec<u8>, BodyError>,
) -> Option<String> {
    let mut expected = members(message).unwrap();
    let at = expected.iter().position(|it| it.0 == "id");
    let other = members(&with(Some("[1]")).unwrap()).unwrap();
    let id = at.map(|at| std::mem::replace(&mut expected[at].1, "[1]".into()));
    if at.is_none() {
        expected.push(("id".into(), "[1]".into()));
    }
    assert_eq!(other, expected);
    expected.retain(|it| it.0 != "id");
    assert_eq!(members(&with(None).unwrap()).unwrap(), expected);
    id
}

/// A client that matches by ids matches a reply only to the request with its id.
fn routed(line: &[u8], first: Option<&Kind>) {
    let text = [line, b"\n"].concat();
    let mut client = client(true, 3);
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Ok(step) = client.handle_input(&text[at..]) {
        at += step.used;
        match step.received {
            None => break,
            Some(Received::Reply(answer)) => {
                let message = match answer.outcome {
                    Ok(reply) => {
                        let readable =
                            is_json(reply.message()).unwrap_or_else(|| reply.json().is_ok());
                        assert_eq!(reply.json().is_ok(), readable, "read, and not JSON");
                        reply.message()
                    }
                    Err(failure) => failure.message(),
                };
                assert!(has_id(message, answer.token), "the id {} is invented", answer.token);
                tokens.push(answer.token);
            }
            Some(Received::ServerParseError(_)) => break,
            Some(_) => {}
        }
    }
    let id = match first {
        Some(Kind::Reply { id, .. } | Kind::Failure { id, .. }) => id.as_deref(),
        _ => None,
    };
    let digits =
        id.map(|id| id.trim_matches('"')).filter(|id| id.bytes().all(|it| it.is_ascii_digit()));
    let token = digits
        .filter(|id| id.len() <= 20)
        .and_then(|id| id.parse().ok())
        .filter(|&id: &u32| id < 3);
    if token.is_some() {
        assert_eq!(tokens.first().copied(), token);
    }
}

/// Returns whether this id occurs in the line, as a number or as a string.
fn has_id(line: &[u8], id: u32) -> bool {
    // The name may contain escapes.
    let text = String::from_utf8_lossy(line).replace("\\u0069", "i").replace("\\u0064", "d");
    text.match_indices("\"id\"").any(|(at, name)| {
        let value = text[at + name.len()..].trim_start_matches(BLANKS).strip_prefix(':');
        let value = value.map(|value| value.trim_start_matches(BLANKS));
        let value = value.map(|value| value.strip_prefix('"').unwrap_or(value));
        // Strings may have leading zeros.
        let value = value.map(|value| value.trim_start_matches('0'));
        let digits = if id == 0 { String::new() } else { id.to_string() };
        value
            .and_then(|value| value.strip_prefix(&digits))
            .is_some_and(|rest| rest.starts_with(['"', ',', '}', ' ', '\t', '\r']))
    })
}

/// Seeds: replies and events of servers, also with invalid values or duplicate members.
pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let around: [(&[u8], &[u8]); 3] = [
        (b"{\"return\": ", b", \"id\": 0}"),
        (b"{\"return\": {}, \"return\": ", b", \"id\": 0}"),
        (
            b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"E\", \"data\": ",
            b"}",
        ),
    ];
    let with = |value: &&[u8]| around.map(|(before, behind)| [before, value, behind].concat());
    let unreadable = UNREADABLE.iter().flat_map(with);
    corpus.lines().into_iter().map(<[u8]>::to_vec).chain(unreadable).collect()
}
