//! A model of a conversation: what was sent, and what has to be received.

use std::collections::{BTreeMap, VecDeque};

use qmp_proto::server::{self, Ticket};
use qmp_proto::{CommandReply, Failure, Received, Reply, RequestId, SendErrorKind};

use super::super::meaning::{comparable, meaning, unescaped};

/// A request.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Negotiation,
    Sync(i64),
    Command {
        name: String,
        arguments: Option<String>,
    },
    /// A raw message: any object.
    Raw {
        name: String,
    },
}

/// The content of a reply: its parsed value, or its class and description.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Answer(Result<Vec<String>, (String, String)>),
    /// An error reply of the server itself.
    Rejected,
    /// An error reply that the client does not recognise as one.
    Malformed,
}

#[derive(Debug)]
struct Sent {
    token: u32,
    asked: Asked,
    out_of_band: bool,
    descriptor: Option<u32>,
}

/// A message from the server that was not received yet.
#[derive(Debug, PartialEq)]
enum Observed {
    Outcome(u32, Outcome),
    Event(String, Option<Vec<String>>),
    Negotiated,
    Synced(i64),
}

/// A request that the client has in flight.
#[derive(Debug)]
struct Open {
    request: RequestId,
    abandoned: bool,
    /// Whether the server sends no reply.
    left: bool,
    /// Whether the end of the connection is not expected.
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
    /// The request was sent and not received yet.
    sent: VecDeque<Sent>,
    /// The server has received the request.
    waiting: VecDeque<(u32, Ticket)>,
    /// The server has refused the request, and sends the error reply after those to these commands.
    refused: VecDeque<(u32, Vec<u32>)>,
    is_agent: bool,
    /// The descriptor that was transferred and whose request was not received yet.
    descriptor: Option<u32>,
    to_client: VecDeque<Observed>,
}

/// The actions of the client.
impl Ledger {
    /// Starts a conversation with an agent or with a monitor.
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

    /// Returns the oldest request that was not abandoned.
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

/// The actions of the server.
impl Ledger {
    /// Records that a descriptor was transferred, with the first byte of the next request.
    pub(super) fn transferred(&mut self, descriptor: u32) {
        self.descriptor = Some(descriptor);
    }

    /// Records that the server has received the next request.
    pub(super) fn served(&mut self, received: server::Received<'_>) {
        // The sentinel before a sync is a separate error.
        if let server::Received::Rejected(rejected) = &received {
            if rejected.bytes.ends_with(b"\xFF") {
                assert!(matches!(self.sent[0].asked, Asked::Sync(_)));
                return;
            }
        }
        let sent = self.sent.pop_front().expect("something was sent");
        assert_eq!(self.descriptor.take(), sent.descriptor, "sent with the first byte");
        match (received, sent.asked) {
            (server::Received::Command(command, ticket), asked) => {
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
                self.waiting.push_back((sent.token, ticket));
            }
            (server::Received::Negotiated { .. }, Asked::Negotiation) => {
                self.to_client.push_back(Observed::Negotiated);
            }
            (server::Received::Synced(number), Asked::Sync(expected)) => {
                assert_eq!(number, expected);
                self.to_client.push_back(Observed::Synced(number));
            }
            (server::Received::Synced(number), _) => {
                let value = Ok(vec![number.to_string()]);
                self.to_client.push_back(Observed::Outcome(sent.token, Outcome::Answer(value)));
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

    /// A monitor sends in-band error replies after the replies to the commands before.
    fn refused(&mut self, token: u32, out_of_band: bool) {
        let in_band = self.waiting.iter().filter(|(_, ticket)| !ticket.is_out_of_band());
        let before: Vec<u32> = in_band.map(|(token, _)| *token).collect();
        if before.is_empty() || out_of_band || self.is_agent {
            self.to_client.push_back(Observed::Outcome(token, Outcome::Rejected));
        } else {
            self.refused.push_back((token, before));
        }
    }

    /// Records that a command is answered or left unanswered.
    fn settled(&mut self, settled: u32) {
        for (_, before) in &mut self.refused {
            before.retain(|token| *token != settled);
        }
        while self.refused.front().is_some_and(|(_, before)| before.is_empty()) {
            let (token, _) = self.refused.pop_front().unwrap();
            self.to_client.push_back(Observed::Outcome(token, Outcome::Rejected));
        }
    }

    pub(super) fn has_ticket(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn ticket(&mut self, youngest: bool) -> Option<(u32, Ticket)> {
        if youngest { self.waiting.pop_back() } else { self.waiting.pop_front() }
    }

    pub(super) fn put_back(&mut self, token: u32, ticket: Ticket) {
        self.waiting.push_front((token, ticket));
    }

    pub(super) fn answered(&mut self, token: u32, outcome: Outcome) {
        if outcome == Outcome::Malformed {
            self.is_lost(token);
        }
        self.to_client.push_back(Observed::Outcome(token, outcome));
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
        self.to_client.push_back(Observed::Event(name, data));
    }
}

/// What the client receives.
impl Ledger {
    pub(super) fn received(&mut self, received: Received<'_, u32>) {
        if let Received::Unanswered(lost) = received {
            return self.given_back(lost.token);
        }
        while self.front_is_silent() {
            self.to_client.pop_front();
        }
        let sent = self.to_client.pop_front().expect("the server has sent a message");
        match (received, sent) {
            (Received::Reply(answer), Observed::Outcome(token, outcome)) => {
                assert_eq!(answer.token, token);
                self.open.remove(&token);
                check(answer, outcome);
            }
            (Received::Malformed(_), Observed::Outcome(_, Outcome::Malformed)) => {}
            (Received::Event(event), Observed::Event(name, data)) => {
                assert_eq!(unquoted(event.name()), name);
                let received = event.data().unwrap();
                assert_eq!(received.map(|data| meaning(data.as_str())), data);
            }
            (Received::Ready, Observed::Negotiated) => {}
            (Received::Ready, Observed::Synced(number)) => {
                assert_eq!(number, self.latest_sync);
                self.is_syncing = false;
            }
            other => panic!("{other:?}"),
        }
    }

    /// Returns whether the client ignores the next message.
    fn front_is_silent(&mut self) -> bool {
        match self.to_client.front() {
            Some(Observed::Synced(number)) => *number != self.latest_sync,
            // Before the sync a client ignores everything.
            Some(Observed::Outcome(_, Outcome::Malformed)) => self.is_syncing,
            Some(Observed::Outcome(token, _)) => {
                let abandoned = self.open.get(token).is_some_and(|open| open.abandoned);
                if abandoned {
                    self.open.remove(&token.clone());
                }
                abandoned
            }
            _ => false,
        }
    }

    /// Records that a request was returned as unanswered.
    pub(super) fn given_back(&mut self, token: u32) {
        let open = self.open.remove(&token).expect("it was in flight");
        assert!(open.left && !open.abandoned, "{token}: {open:?}");
    }
}

/// The end of the conversation.
impl Ledger {
    /// Returns whether a message was not received or a command not answered yet.
    pub(super) fn is_busy(&mut self) -> bool {
        while self.front_is_silent() {
            self.to_client.pop_front();
        }
        !self.sent.is_empty() || !self.waiting.is_empty() || !self.to_client.is_empty()
    }

    /// Returns the number of requests to which no reply will arrive.
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
        assert!(lost.is_empty(), "never received of again: {lost:?}");
    }
}

fn check(answer: CommandReply<'_, u32>, outcome: Outcome) {
    let received: Result<Reply<'_>, Failure<'_>> = answer.outcome;
    match (received, outcome) {
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

/// Returns a name as clients display it.
fn unquoted(name: &str) -> String {
    comparable(&unescaped(&format!("\"{name}\"")))
}
