//! Who has said what, and what the other has to hear of it.

use std::collections::{BTreeMap, VecDeque};

use qmp_proto::server::{self, Ticket};
use qmp_proto::{CommandReply, Failure, Received, Reply, RequestId, SendErrorKind};

use super::super::meaning::{comparable, meaning, unescaped};

/// What a request is.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Negotiation,
    Sync(i64),
    Command {
        name: String,
        arguments: Option<String>,
    },
    /// A message of the caller's: anything that is one object.
    Raw {
        name: String,
    },
}

/// What an answer comes to: what its value means, or class and description.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Answer(Result<Vec<String>, (String, String)>),
    /// An error of the server's own words.
    Rejected,
    /// An error that is none to a client.
    Malformed,
}

#[derive(Debug)]
struct Sent {
    token: u32,
    asked: Asked,
    out_of_band: bool,
    descriptor: Option<u32>,
}

/// On its way to the client.
#[derive(Debug, PartialEq)]
enum Said {
    Outcome(u32, Outcome),
    Event(String, Option<Vec<String>>),
    Negotiated,
    Synced(i64),
}

/// A request of which the client knows.
#[derive(Debug)]
struct Open {
    request: RequestId,
    abandoned: bool,
    /// The server will not answer it.
    left: bool,
    /// The end of the connection is not its answer.
    expects: bool,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    next_token: u32,
    next_nonce: u64,
    syncs: usize,
    latest_sync: i64,
    is_syncing: bool,
    requests: usize,
    open: BTreeMap<u32, Open>,
    /// On its way to the server.
    sent: VecDeque<Sent>,
    /// With the server.
    waiting: VecDeque<(u32, Ticket<u32>)>,
    /// Refused by the server, and the commands that are answered before that is told.
    refused: VecDeque<(u32, Vec<u32>)>,
    is_agent: bool,
    /// One that came with what turned out to be no command.
    descriptor: Option<u32>,
    said: VecDeque<Said>,
}

/// What the client does.
impl Ledger {
    /// Of a conversation with an agent, or with a monitor.
    pub(super) fn new(is_agent: bool) -> Self {
        Self { is_agent, ..Self::default() }
    }

    pub(super) fn next_token(&mut self) -> u32 {
        self.next_token += 1;
        self.next_token
    }

    pub(super) fn next_nonce(&mut self) -> u64 {
        self.next_nonce += 1;
        self.next_nonce
    }

    pub(super) fn sent(&mut self, asked: Asked, out_of_band: bool, descriptor: Option<u32>) {
        if let Asked::Sync(number) = asked {
            self.latest_sync = number;
            self.is_syncing = true;
            self.syncs += 1;
        }
        self.requests += 1;
        self.sent.push_back(Sent { token: self.next_token, asked, out_of_band, descriptor });
    }

    pub(super) fn opened(&mut self, request: RequestId, expects: bool) {
        let open = Open { request, abandoned: false, left: false, expects };
        self.open.insert(self.next_token, open);
    }

    pub(super) fn check_refusal(&self, refusal: &SendErrorKind) {
        match refusal {
            SendErrorKind::TooManyInFlight { limit } => assert!(self.open.len() >= *limit),
            SendErrorKind::HeldByAbandoned { oldest } => {
                let open = self.open.values().find(|open| open.request == *oldest);
                assert!(open.is_some_and(|open| open.abandoned));
            }
            SendErrorKind::TooManyBytesInFlight { .. } => {
                assert!(self.open.values().any(|open| !open.abandoned));
            }
            SendErrorKind::InvalidName
            | SendErrorKind::NoOutOfBand
            | SendErrorKind::DescriptorInFlight
            | SendErrorKind::Phase(_) => {}
            other => panic!("{other:?}"),
        }
    }

    /// The oldest request that somebody waits for.
    pub(super) fn oldest(&self) -> Option<(u32, RequestId)> {
        let open = self.open.iter().find(|(_, open)| !open.abandoned);
        open.map(|(&token, open)| (token, open.request))
    }

    pub(super) fn abandoned(&mut self, token: u32) {
        if let Some(open) = self.open.get_mut(&token) {
            open.abandoned = true;
        }
    }
}

/// What the server does.
impl Ledger {
    /// The server has received something: what was sent next.
    pub(super) fn served(&mut self, received: server::Received<'_, u32>) {
        // The mark in front of a sync is an error of its own.
        if let server::Received::Rejected(rejected) = &received {
            if rejected.bytes.ends_with(b"\xFF") {
                assert!(matches!(self.sent[0].asked, Asked::Sync(_)));
                return;
            }
        }
        let sent = self.sent.pop_front().expect("something was sent");
        self.descriptor = sent.descriptor.or(self.descriptor);
        match (received, sent.asked) {
            (server::Received::Command(command, mut ticket), asked) => {
                match asked {
                    Asked::Command { name, arguments } => {
                        assert_eq!(command.name(), name);
                        assert_eq!(command.arguments().map(|it| it.as_str().to_owned()), arguments);
                    }
                    Asked::Raw { name } => {
                        assert_eq!(command.name(), unescaped(&format!("\"{name}\"")));
                    }
                    other => panic!("{other:?} was received as {command:?}"),
                }
                assert_eq!(command.is_out_of_band(), sent.out_of_band);
                assert_eq!(ticket.take_descriptor(), self.descriptor.take());
                self.waiting.push_back((sent.token, ticket));
            }
            (server::Received::Negotiated { .. }, Asked::Negotiation) => {
                self.said.push_back(Said::Negotiated);
            }
            (server::Received::Synced(number), Asked::Sync(expected)) => {
                assert_eq!(number, expected);
                self.said.push_back(Said::Synced(number));
            }
            (server::Received::Synced(number), _) => {
                let value = Ok(vec![number.to_string()]);
                self.said.push_back(Said::Outcome(sent.token, Outcome::Answer(value)));
            }
            (server::Received::Rejected(_), Asked::Raw { .. }) => {
                self.refused(sent.token, sent.out_of_band);
            }
            (server::Received::Rejected(rejected), Asked::Command { name, .. }) => {
                let handshakes = ["qmp_capabilities", "guest-sync", "guest-sync-delimited"];
                assert!(handshakes.contains(&&name[..]), "{name}: {rejected}");
                self.refused(sent.token, sent.out_of_band);
            }
            other => panic!("{other:?}"),
        }
    }

    /// A monitor tells in-band what it refuses when the commands before that are answered.
    fn refused(&mut self, token: u32, out_of_band: bool) {
        let in_band = self.waiting.iter().filter(|(_, ticket)| !ticket.is_out_of_band());
        let before: Vec<u32> = in_band.map(|(token, _)| *token).collect();
        if before.is_empty() || out_of_band || self.is_agent {
            self.said.push_back(Said::Outcome(token, Outcome::Rejected));
        } else {
            self.refused.push_back((token, before));
        }
    }

    /// A command is waited for no longer.
    fn settled(&mut self, settled: u32) {
        for (_, before) in &mut self.refused {
            before.retain(|token| *token != settled);
        }
        while self.refused.front().is_some_and(|(_, before)| before.is_empty()) {
            let (token, _) = self.refused.pop_front().unwrap();
            self.said.push_back(Said::Outcome(token, Outcome::Rejected));
        }
    }

    pub(super) fn has_ticket(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn ticket(&mut self, youngest: bool) -> Option<(u32, Ticket<u32>)> {
        if youngest { self.waiting.pop_back() } else { self.waiting.pop_front() }
    }

    pub(super) fn put_back(&mut self, token: u32, ticket: Ticket<u32>) {
        self.waiting.push_front((token, ticket));
    }

    pub(super) fn answered(&mut self, token: u32, outcome: Outcome) {
        if outcome == Outcome::Malformed {
            self.is_lost(token);
        }
        self.said.push_back(Said::Outcome(token, outcome));
        self.settled(token);
    }

    pub(super) fn left(&mut self, token: u32) {
        self.is_lost(token);
        self.settled(token);
    }

    fn is_lost(&mut self, token: u32) {
        if let Some(open) = self.open.get_mut(&token) {
            open.left = true;
        }
    }

    pub(super) fn emitted(&mut self, name: String, data: Option<Vec<String>>) {
        self.said.push_back(Said::Event(name, data));
    }
}

/// What the client hears.
impl Ledger {
    pub(super) fn heard(&mut self, received: Received<'_, u32>) {
        if let Received::Unanswered(lost) = received {
            return self.given_back(lost.token);
        }
        while self.front_is_silent() {
            self.said.pop_front();
        }
        let said = self.said.pop_front().expect("something was said");
        match (received, said) {
            (Received::Reply(answer), Said::Outcome(token, outcome)) => {
                assert_eq!(answer.token, token);
                self.open.remove(&token);
                check(answer, outcome);
            }
            (Received::Malformed(_), Said::Outcome(_, Outcome::Malformed)) => {}
            (Received::Event(event), Said::Event(name, data)) => {
                assert_eq!(unquoted(event.name()), name);
                let heard = event.data().unwrap();
                assert_eq!(heard.map(|data| meaning(data.as_str())), data);
            }
            (Received::Ready, Said::Negotiated) => {}
            (Received::Ready, Said::Synced(number)) => {
                assert_eq!(number, self.latest_sync);
                self.is_syncing = false;
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether what was said next is for nobody.
    fn front_is_silent(&mut self) -> bool {
        match self.said.front() {
            Some(Said::Synced(number)) => *number != self.latest_sync,
            // Until it is in sync a client expects noise.
            Some(Said::Outcome(_, Outcome::Malformed)) => self.is_syncing,
            Some(Said::Outcome(token, _)) => {
                let abandoned = self.open.get(token).is_some_and(|open| open.abandoned);
                if abandoned {
                    self.open.remove(&token.clone());
                }
                abandoned
            }
            _ => false,
        }
    }

    /// A request came back without an answer.
    pub(super) fn given_back(&mut self, token: u32) {
        let open = self.open.remove(&token).expect("it was in flight");
        assert!(open.left && !open.abandoned, "{token}: {open:?}");
    }
}

/// The end.
impl Ledger {
    /// Whether something is still to be heard or answered.
    pub(super) fn is_busy(&mut self) -> bool {
        while self.front_is_silent() {
            self.said.pop_front();
        }
        !self.sent.is_empty() || !self.waiting.is_empty() || !self.said.is_empty()
    }

    /// How many requests wait for an answer that will not come.
    pub(super) fn expecting(&self) -> usize {
        self.open.values().filter(|open| !open.abandoned && open.expects).count()
    }

    pub(super) const fn requests(&self) -> usize {
        self.requests
    }

    pub(super) const fn syncs(&self) -> usize {
        self.syncs
    }

    pub(super) fn close(self) {
        let lost: Vec<_> = self.open.iter().filter(|(_, open)| !open.abandoned).collect();
        assert!(lost.is_empty(), "never heard of again: {lost:?}");
    }
}

fn check(answer: CommandReply<'_, u32>, outcome: Outcome) {
    let heard: Result<Reply<'_>, Failure<'_>> = answer.outcome;
    match (heard, outcome) {
        (Ok(reply), Outcome::Answer(Ok(value))) => {
            assert_eq!(meaning(reply.json().unwrap().as_str()), value);
        }
        (Err(failure), Outcome::Answer(Err((class, description)))) => {
            assert_eq!(unquoted(failure.class().name()), class);
            assert_eq!(comparable(&failure.description().to_string()), description);
        }
        (Err(_), Outcome::Rejected) => {}
        other => panic!("{other:?}"),
    }
}

/// A name, which clients show as it stands.
fn unquoted(name: &str) -> String {
    comparable(&unescaped(&format!("\"{name}\"")))
}
