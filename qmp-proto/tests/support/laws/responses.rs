//! Everything that a server sends is one message with the same meaning for this client and for any
//! JSON parser.

use qmp_proto::server::{Options, Received, Response, Server};
use qmp_proto::{
    Client, ErrorClass, Failure, NoDescriptor, RawJson, Reply, Request, Timestamp, Version,
};

use super::Corpus;
use super::meaning::{assert_json, comparable, fields, meaning, members, unescaped};

const PRETTY: u8 = 0x08;
const AGENT: u8 = 0x10;

/// The input consists of a choice, and texts separated by zeros.
pub(super) fn holds(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let Some([first, second]) = fields(rest) else { return };
    let mut pair = Pair::new(choice);
    let json = RawJson::parse(second);
    match (choice % 8, json) {
        (0, Ok(value)) => pair.answers(&Response::json(value), |outcome| {
            assert_eq!(meaning(outcome.unwrap().json().unwrap().as_str()), meaning(value.as_str()));
        }),
        (1, _) => {
            let response = Response::error(ErrorClass::named(first), second);
            pair.answers(&response, |outcome| {
                let failure = outcome.unwrap_err();
                same(&failure.description().to_string(), second);
                same(&unquoted(failure.class().name()), first);
            });
        }
        (2, Ok(error)) => {
            let members = members(error.as_str().as_bytes()).unwrap_or_default();
            let has_class = members.iter().rfind(|it| it.0 == "class");
            if has_class.is_some_and(|class| class.1.starts_with('"')) {
                pair.answers(&Response::raw_error(error), |outcome| {
                    assert!(outcome.is_err());
                });
            }
        }
        (3, data) => {
            let data = data.ok().filter(|data| data.as_str().starts_with('{'));
            pair.emits(first, data);
        }
        (4, Ok(event)) => pair.emits_raw(event),
        (5, _) => greets(first, second),
        (6, Ok(greeting)) => greets_with(greeting),
        (7, _) => pair.answers(&Response::command_not_found(first), |outcome| {
            let text = outcome.unwrap_err().description().to_string();
            same(&text, &format!("The command {first} has not been found"));
        }),
        _ => {}
    }
}

fn same(received: &str, sent: &str) {
    assert_eq!(comparable(received), comparable(sent));
}

/// Returns a name as clients display it.
fn unquoted(name: &str) -> String {
    unescaped(&format!("\"{name}\""))
}

/// Returns a client and its server, with one command in flight.
struct Pair {
    client: Client<u32>,
    server: Server,
    agent: bool,
    out: Vec<u8>,
}

impl Pair {
    fn new(choice: u8) -> Self {
        let agent = choice & AGENT != 0;
        let options = if agent { Options::agent() } else { Options::monitor() };
        let options = options.pretty(choice & PRETTY != 0);
        let server = if agent { Server::agent(options) } else { Server::monitor(options) };
        let client = Client::negotiated(qmp_proto::Options::monitor(), 1);
        let mut pair = Self { client, server, agent, out: Vec::new() };
        if !agent {
            let negotiation = b"{'execute':'qmp_capabilities'}";
            let step = pair.server.handle_input(&mut pair.out, negotiation).unwrap();
            assert!(matches!(step.received, Some(Received::Negotiated { .. })));
            pair.out.clear();
        }
        pair
    }

    fn answers(
        &mut self,
        response: &Response<'_>,
        check: impl FnOnce(Result<Reply<'_>, Failure<'_>>),
    ) {
        let mut sent = Vec::new();
        let request: Request<'_, NoDescriptor> = Request::new("x");
        self.client.execute(&mut sent, request, 9).unwrap();
        let received = self.server.handle_input(&mut self.out, &sent).unwrap().received;
        let Some(Received::Command(_, ticket)) = received else { panic!("{received:?}") };
        if let Err(unsent) = self.server.answer(&mut self.out, ticket, response) {
            assert_eq!(self.out, b"", "half an answer");
            assert!(is_deep(response), "{unsent}");
            return;
        }
        check_text(&self.out);
        let step = self.client.handle_input(&self.out).unwrap();
        let Some(qmp_proto::Received::Reply(answer)) = step.received else {
            panic!("{:?} in {}", step.received, self.out.escape_ascii());
        };
        assert_eq!(answer.token, 9);
        check(answer.outcome);
        self.is_all(step.used);
    }

    fn emits(&mut self, name: &str, data: Option<RawJson<'_>>) {
        let stamp = Timestamp::new(-1, 999_999);
        if self.server.emit(&mut self.out, name, stamp, data).is_err() {
            assert_eq!(self.out, b"");
            assert!(self.agent || data.is_some_and(|data| levels(data.as_str()) > 1000));
            return;
        }
        check_text(&self.out);
        let step = self.client.handle_input(&self.out).unwrap();
        let Some(qmp_proto::Received::Event(event)) = step.received else {
            panic!("{:?} in {}", step.received, self.out.escape_ascii());
        };
        same(&unquoted(event.name()), name);
        assert_eq!(event.timestamp(), Some(stamp));
        let received = event.data().unwrap().map(|data| meaning(data.as_str()));
        assert_eq!(received, data.map(|data| meaning(data.as_str())));
        self.is_all(step.used);
    }

    fn emits_raw(&mut self, event: RawJson<'_>) {
        if self.server.emit_raw(&mut self.out, event).is_err() {
            assert_eq!(self.out, b"");
            assert!(self.agent || !event.as_str().starts_with('{'));
            return;
        }
        check_text(&self.out);
        assert_eq!(meaning(std::str::from_utf8(&self.out).unwrap()), meaning(event.as_str()));
        let step = self.client.handle_input(&self.out);
        if let Ok(step) = step {
            assert!(step.received.is_some());
            self.is_all(step.used);
        }
    }

    /// Checks that the output contains nothing else.
    fn is_all(&mut self, used: usize) {
        let rest = self.client.handle_input(&self.out[used..]).unwrap();
        assert!(rest.received.is_none(), "{:?} too", rest.received);
        assert_eq!(used + rest.used, self.out.len());
    }
}

fn is_deep(response: &Response<'_>) -> bool {
    levels(&format!("{response:?}")) > 1000
}

fn levels(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'[' || byte == b'{').count()
}

/// Checks that the output has a line end, is ASCII, and is one JSON value.
fn check_text(out: &[u8]) {
    assert!(out.ends_with(b"\n"));
    assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')), "no ASCII");
    assert_json(out);
}

fn greets(version: &str, package: &str) {
    let mut numbers = version.bytes().map(|byte| u32::from(byte).wrapping_mul(0x0101_0101));
    let mut number = || numbers.next().unwrap_or(0);
    let version = Version::new(number(), number(), number());
    let options = Options::monitor().version(version).package(package.to_string());
    let mut server: Server = Server::monitor(options);
    let mut out = Vec::new();
    server.greet(&mut out).unwrap();
    check_text(&out);
    let mut client: Client<()> = Client::monitor(qmp_proto::Options::monitor());
    let received = client.handle_input(&out).unwrap().received;
    let Some(qmp_proto::Received::Greeting(greeting)) = received else { panic!("{received:?}") };
    assert_eq!(greeting.version(), Some(version));
    same(&greeting.package().to_string(), package);
    assert!(greeting.offers("oob"));
}

fn greets_with(greeting: RawJson<'_>) {
    let mut server: Server = Server::monitor(Options::monitor());
    let mut out = Vec::new();
    if server.greet_with(&mut out, greeting).is_err() {
        assert!(!greeting.as_str().starts_with('{'));
        return;
    }
    check_text(&out);
    assert_eq!(meaning(std::str::from_utf8(&out).unwrap()), meaning(greeting.as_str()));
    assert!(server.greet_with(&mut out, greeting).is_err());
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, line) in corpus.lines().into_iter().enumerate() {
        let options = (number as u8 % 4) * 8;
        let mut push = |way: u8, first: &str, second: &str| {
            seeds.push([&[way + options][..], first.as_bytes(), b"\0", second.as_bytes()].concat());
        };
        let Some(members) = members(line) else {
            push(1, "GenericError", &String::from_utf8_lossy(line));
            continue;
        };
        let whole = std::str::from_utf8(line).unwrap();
        let member = |name: &str| members.iter().find(|it| it.0 == name).map_or("", |it| &it.1);
        match members.iter().find_map(|(name, value)| match &name[..] {
            "return" => Some((0, value)),
            "error" => Some((2, value)),
            "event" => Some((3, value)),
            "QMP" => Some((6, value)),
            _ => None,
        }) {
            Some((3, name)) => {
                push(3, name.trim_matches('"'), member("data"));
                push(4, "", whole);
            }
            Some((6, _)) => {
                push(6, "", whole);
                push(5, "\u{9}\u{2}", "Debian é \"x\"");
            }
            Some((2, error)) => {
                push(2, "", error);
                let text = self::members(error.as_bytes()).unwrap_or_default();
                for (name, value) in text {
                    if name == "desc" && value.starts_with('"') {
                        push(1, "DeviceNotFound", &unescaped(&value));
                    }
                }
            }
            Some((way, value)) => push(way, "", value),
            None => push(0, "", whole),
        }
    }
    seeds
}
