//! A simple model of a client's requests.

use proptest::prelude::*;
use qmp_proto::{
    Arguments, NoReplyReason, OUT_OF_BAND, Options, Request, RequestId, SendErrorKind,
};

use crate::peer::{GREETING, Observed, PARSE_ERROR, Peer, SEVEN, failed, returned, sync_answer};

const SLOTS: usize = 12;

#[derive(Clone, Debug)]
pub(super) enum Act {
    Execute {
        out_of_band: bool,
        descriptor: bool,
        unanswered: bool,
        /// The length of the arguments, in bytes.
        length: usize,
    },
    Abandon(prop::sample::Index),
    /// A reply to the next request, or to any if replies may be out of order.
    Answer {
        which: prop::sample::Index,
        success: bool,
    },
    /// A reply out of order, where replies must be in order.
    Overtake(prop::sample::Index),
    Duplicate(prop::sample::Index),
    Foreign(u64),
    ParseError,
    StartOver,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Server {
    Monitor,
    OutOfBand,
    Agent,
}

/// A request in the model.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    request: RequestId,
    token: u32,
    wire_id: u64,
    abandoned: bool,
    out_of_band: bool,
    descriptor: bool,
    unanswered: bool,
    /// The length of the message, in bytes.
    length: usize,
}

impl InFlight {
    /// Whether an agent may not have read it yet.
    const fn counts(&self) -> bool {
        !(self.abandoned && self.unanswered)
    }

    fn lost(&self) -> Option<Observed> {
        let ending =
            if self.unanswered { NoReplyReason::AsExpected } else { NoReplyReason::OutcomeUnknown };
        (!self.abandoned).then_some(Observed::Unanswered(self.token, ending))
    }
}

pub(super) struct Model {
    server: Server,
    peer: Peer<SLOTS>,
    pub(super) in_flight: Vec<InFlight>,
    answered: Vec<u64>,
    sent: u64,
    next_token: u32,
    /// The tokens that were returned.
    back: Vec<u32>,
    nonce: u64,
    over: bool,
}

impl Model {
    pub(super) fn new(server: Server) -> Self {
        let peer = match server {
            Server::Monitor => Peer::ready(Options::monitor(), &[]),
            Server::OutOfBand => Peer::ready(Options::monitor(), &[OUT_OF_BAND]),
            Server::Agent => Peer::synced(Options::agent()),
        };
        Self {
            server,
            peer,
            in_flight: Vec::new(),
            answered: Vec::new(),
            sent: 0,
            next_token: 0,
            back: Vec::new(),
            nonce: 7,
            over: false,
        }
    }

    pub(super) fn act(&mut self, act: &Act) {
        let (observed, expected) = match act {
            Act::Execute { out_of_band, descriptor, unanswered, length } => {
                return self.execute(*out_of_band, *descriptor, *unanswered, *length);
            }
            Act::Abandon(which) => return self.abandon(which),
            Act::Answer { which, success } => {
                let Some(at) = self.next_answered(which) else {
                    return;
                };
                self.answer(at, *success)
            }
            Act::Overtake(which) => {
                if self.in_flight.is_empty() {
                    return;
                }
                let at = which.index(self.in_flight.len());
                self.answer(at, true)
            }
            Act::Duplicate(which) => {
                if self.answered.is_empty() {
                    return;
                }
                let again = returned(self.answered[which.index(self.answered.len())]);
                self.stray(&again)
            }
            Act::Foreign(id) => {
                if self.in_flight.iter().any(|it| it.wire_id == *id) {
                    return;
                }
                let foreign = failed(id);
                self.stray(&foreign)
            }
            Act::ParseError => self.parse_error(),
            Act::StartOver => self.start_over(),
        };
        for observed in &observed {
            if let Observed::Answer(token, _) | Observed::Unanswered(token, _) = observed {
                self.back.push(*token);
            }
        }
        assert_eq!(observed, expected);
        assert_eq!(self.peer.client.in_flight(), self.in_flight.len());
    }

    fn execute(&mut self, out_of_band: bool, descriptor: bool, unanswered: bool, length: usize) {
        let token = self.next_token;
        self.next_token += 1;
        let arguments = format!("{{\"a\":\"{}\"}}", "x".repeat(length));
        let arguments = Arguments::parse(&arguments).unwrap();
        let length = self.length(out_of_band, arguments.as_str());
        let mut request = Request::new("x").arguments(arguments);
        request = if out_of_band { request.out_of_band() } else { request };
        request = if unanswered { request.no_success_response() } else { request };
        request = if descriptor { request.descriptor(token) } else { request };
        self.peer.sent();
        let result = self.peer.client.execute(&mut self.peer.wire, request, token);
        let refusal = self.refusal(out_of_band, descriptor).or_else(|| self.length_refusal(length));
        match result {
            Ok(request) => {
                assert_eq!(refusal, None);
                assert_eq!(self.peer.wire.bytes.len(), length);
                let attached: Vec<_> = self.peer.wire.descriptors.iter().map(|it| it.1).collect();
                assert_eq!(attached, if descriptor { vec![token] } else { vec![] });
                let sent = self.peer.sent();
                let id = sent.trim_end().rsplit(':').next().unwrap();
                let wire_id = id.trim_end_matches('}').parse().unwrap();
                assert_eq!(wire_id, self.sent, "ids count what is sent");
                self.sent += 1;
                self.in_flight.push(InFlight {
                    request,
                    token,
                    wire_id,
                    abandoned: false,
                    out_of_band,
                    descriptor,
                    unanswered,
                    length,
                });
            }
            Err(refused) => {
                assert_eq!(Some(refused.reason), refusal);
                assert_eq!(refused.token, token);
                assert_eq!(refused.descriptor, descriptor.then_some(token));
                self.back.push(token);
                assert_eq!(self.peer.sent(), "");
            }
        }
        assert_eq!(self.peer.client.in_flight(), self.in_flight.len());
    }

    fn refusal(&self, out_of_band: bool, descriptor: bool) -> Option<SendErrorKind> {
        if self.over {
            return Some(SendErrorKind::Phase(qmp_proto::Phase::Ended));
        }
        if out_of_band && self.server != Server::OutOfBand {
            return Some(SendErrorKind::NoOutOfBand);
        }
        let lane = || self.in_flight.iter().filter(|it| it.out_of_band == out_of_band);
        let full = |limit| match lane().min_by_key(|it| it.token) {
            Some(oldest) if lane().all(|it| it.abandoned) => {
                SendErrorKind::HeldByAbandoned { oldest: oldest.request }
            }
            _ => SendErrorKind::TooManyInFlight { limit },
        };
        let second = !out_of_band && self.server == Server::OutOfBand;
        if second && lane().count() >= 7 {
            return Some(full(7));
        }
        let table_full = (self.in_flight.len() >= SLOTS).then(|| full(SLOTS));
        let busy = descriptor && self.in_flight.iter().any(|it| it.descriptor);
        let busy = busy.then_some(SendErrorKind::DescriptorInFlight);
        // If both limits are reached, either error is valid.
        if second { busy.or(table_full) } else { table_full.or(busy) }
    }

    /// Returns the length of the next message with these arguments.
    fn length(&self, out_of_band: bool, arguments: &str) -> usize {
        let name = "{\"execute\":\"x\"".len() + usize::from(out_of_band);
        let id = format!(",\"id\":{}}}", self.sent).len();
        let line_end = usize::from(self.server == Server::Agent);
        name + ",\"arguments\":".len() + arguments.len() + id + line_end
    }

    fn length_refusal(&self, length: usize) -> Option<SendErrorKind> {
        let counted = || self.in_flight.iter().filter(|it| it.counts());
        let unanswered: usize = counted().map(|it| it.length).sum();
        if self.server != Server::Agent || unanswered == 0 || unanswered + length < 4096 {
            return None;
        }
        Some(match counted().min_by_key(|it| it.token) {
            Some(oldest) if counted().all(|it| it.abandoned) => {
                SendErrorKind::HeldByAbandoned { oldest: oldest.request }
            }
            _ => SendErrorKind::TooManyBytesInFlight { limit: 4096 },
        })
    }

    fn abandon(&mut self, which: &prop::sample::Index) {
        if self.in_flight.is_empty() {
            return;
        }
        let at = which.index(self.in_flight.len());
        let entry = &mut self.in_flight[at];
        let token = self.peer.client.abandon(entry.request);
        assert_eq!(token, (!entry.abandoned).then_some(entry.token));
        self.back.extend(token);
        entry.abandoned = true;
    }

    fn stray(&mut self, text: &str) -> (Vec<Observed>, Vec<Observed>) {
        let error = Observed::Error(qmp_proto::ProtocolError::ServerParseError);
        let expected = if self.over { error } else { Observed::stray(text) };
        (self.peer.feed(text), vec![expected])
    }

    fn next_answered(&self, which: &prop::sample::Index) -> Option<usize> {
        if self.in_flight.is_empty() {
            return None;
        }
        match self.server {
            Server::OutOfBand => Some(which.index(self.in_flight.len())),
            _ => self.in_flight.iter().position(|it| !it.unanswered),
        }
    }

    fn answer(&mut self, at: usize, success: bool) -> (Vec<Observed>, Vec<Observed>) {
        let entry = self.in_flight.remove(at);
        let text = if success { returned(entry.wire_id) } else { failed(entry.wire_id) };
        let observed = self.peer.feed(&text);
        if self.over {
            self.in_flight.insert(at, entry);
            let error = qmp_proto::ProtocolError::ServerParseError;
            return (observed, vec![Observed::Error(error)]);
        }
        self.answered.push(entry.wire_id);
        let outcome = if success { Ok("{}".into()) } else { Err("GenericError: no".into()) };
        let mut expected = Vec::new();
        if !entry.abandoned {
            expected.push(Observed::Answer(entry.token, outcome));
        }
        if self.server != Server::OutOfBand {
            expected.extend(self.in_flight.drain(..at).filter_map(|it| it.lost()));
        }
        (observed, expected)
    }

    fn parse_error(&mut self) -> (Vec<Observed>, Vec<Observed>) {
        let observed = self.peer.feed(PARSE_ERROR);
        let error = Observed::Error(qmp_proto::ProtocolError::ServerParseError);
        let text = "GenericError: JSON parse error".to_string();
        if self.over {
            return (observed, vec![error]);
        }
        match &self.in_flight[..] {
            [] => (observed, vec![Observed::stray(PARSE_ERROR)]),
            [_] => {
                let only = self.in_flight.remove(0);
                self.answered.push(only.wire_id);
                let failure = Observed::Answer(only.token, Err(text));
                (observed, if only.abandoned { vec![] } else { vec![failure] })
            }
            _ => {
                self.over = true;
                (observed, vec![Observed::ServerParseError(text), error])
            }
        }
    }

    /// Starts again with a second greeting or another sync.
    fn start_over(&mut self) -> (Vec<Observed>, Vec<Observed>) {
        if self.over {
            return (vec![], vec![]);
        }
        self.nonce += 1;
        let number = SEVEN + self.nonce - 7;
        let lost: Vec<_> = self.in_flight.drain(..).filter_map(|it| it.lost()).collect();
        let peer = &mut self.peer;
        let mut observed = Vec::new();
        let mut expected = Vec::new();
        if self.server == Server::Agent {
            peer.client.sync(&mut peer.wire, self.nonce).unwrap();
            observed.extend(peer.feed(sync_answer(number)));
            expected.push(Observed::Ready);
            expected.extend(lost);
        } else {
            observed.extend(peer.feed(GREETING));
            expected.push(Observed::Restarted);
            expected.extend(lost);
            let enable: &[&str] =
                if self.server == Server::OutOfBand { &[OUT_OF_BAND] } else { &[] };
            peer.client.negotiate(&mut peer.wire, self.nonce, enable).unwrap();
            observed.extend(peer.feed(returned(number)));
            expected.push(Observed::Ready);
        }
        (observed, expected)
    }

    /// Checks that every token was returned once.
    pub(super) fn end(mut self) {
        let drained = self.peer.drained();
        let expected: Vec<_> = self.in_flight.iter().filter_map(InFlight::lost).collect();
        assert_eq!(drained, expected);
        for observed in drained {
            if let Observed::Unanswered(token, _) = observed {
                self.back.push(token);
            }
        }
        self.back.sort_unstable();
        assert_eq!(self.back, (0..self.next_token).collect::<Vec<_>>());
        assert_eq!(self.peer.client.in_flight(), 0);
    }
}
