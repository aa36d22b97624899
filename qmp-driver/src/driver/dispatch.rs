//! Delivers input to the futures and subscribers that wait for it.

use std::sync::Arc;

use crate::CloseReason;
use qmp_proto::Direction;
use qmp_proto::{
    CommandReply as Answered, Event, Failure, InputBuffer, Malformed, NoReplyReason, OwnedEvent,
    Received, Reply, ReplyPlace, RequestId, Unanswered,
};
use qmp_sockets::{advise_on_bytes, nonce};

use crate::batch::{BATCH, Batch};
use crate::client::response::Completed;
use crate::connection::Connection;
use crate::connection::lifecycle::{Failed, Handshake};
use crate::connection::machine::{AfterUnlock, Machine};
use crate::connection::waits::CommandOutcome;
use crate::trace;

/// The result of one pass over the input.
#[derive(Debug)]
pub(crate) struct Dispatched {
    pub(crate) used: usize,
    /// A reply that is not delivered yet, because it is moved instead of copied.
    pub(crate) large: Option<Large>,
    /// The input may hold more messages.
    pub(crate) more: bool,
    /// Several replies were delivered: their tasks are likely to send at the same time.
    pub(crate) several: bool,
    /// The queue of a subscriber is nearly full.
    pub(crate) crowded: bool,
    /// The connection cannot continue.
    pub(crate) end: Option<CloseReason>,
}

/// A single large reply, which keeps the buffer that it was read into.
#[derive(Debug)]
pub(crate) struct Large {
    key: usize,
    request: RequestId,
    position: u64,
    place: ReplyPlace,
}

/// Delivers the messages in the input.
///
/// `origin` is the number of bytes of the stream that came before it.
///
/// Replies and events are copied, and predicates run, without a lock. When a reply is delivered, the
/// events before it are already queued.
pub(crate) fn dispatch(connection: &Connection, origin: u64, input: &[u8]) -> Dispatched {
    let bus = &connection.common.bus;
    let mut after = AfterUnlock::default();
    let mut batch = Parsed::new(origin, bus.has_takers());
    batch.take(connection, input, &mut after);
    if batch.seen {
        connection.show_wire();
    }
    if batch.ready {
        trace::connected(&connection.peer);
    }
    let mut crowded = false;
    if !batch.events.is_empty() {
        let mut events = Batch::new();
        OwnedEvent::together(input, origin, &batch.events).for_each(|event| events.push(event));
        crowded = bus.publish(connection.number, &mut events, &mut after.wakers);
    }
    let several = batch.answers.len() > 1;
    let large = Large::among(&batch.answers, input);
    if large.is_none() && !batch.answers.is_empty() {
        settle(connection, &mut batch.answers, &mut after);
    }
    after.run();
    let Parsed { used, more, ref mut end, malformed, .. } = batch;
    if let Some(malformed) = malformed {
        end.get_or_insert_with(|| CloseReason::Malformed(describe(&malformed).into()));
    }
    let end = end.take();
    Dispatched { used, large, more: more && end.is_none(), several, crowded, end }
}

fn describe(malformed: &Malformed<'_>) -> String {
    match advise_on_bytes(malformed.bytes) {
        Some(advice) => format!("{malformed}; {advice}"),
        None => malformed.to_string(),
    }
}

impl Large {
    fn among(answers: &[CompletedCommand<'_>], input: &[u8]) -> Option<Self> {
        let [CompletedCommand { key, request, position, outcome: Ok(Ok(reply)) }] = answers else {
            return None;
        };
        let large = reply.message().len() >= InputBuffer::LARGE;
        let place = large.then(|| reply.place_in(input)).flatten()?;
        Some(Self { key: *key, request: *request, position: *position, place })
    }

    /// Takes the reply out of the input and delivers it. Returns its end in the input.
    pub(crate) fn settle(self, connection: &Connection, input: &mut InputBuffer) -> usize {
        let before = input.unread().len();
        let reply = input.take_reply(self.place);
        let answer = reply.map_or(CommandOutcome::None(NoReplyReason::OutcomeUnknown), |reply| {
            CommandOutcome::Reply(Completed { reply: Ok(reply), position: self.position })
        });
        connection.with(|machine, after| {
            machine.waits.settle(self.key, self.request, answer, &mut after.wakers);
        });
        before - input.unread().len()
    }
}

/// Delivers replies. They are copied before the lock is taken.
fn settle(
    connection: &Connection,
    answers: &mut Batch<CompletedCommand<'_>>,
    after: &mut AfterUnlock,
) {
    if let [_] = answers.as_slice() {
        // Most replies arrive alone, and a batch has room for many.
        let copied = answers.pop().map(CompletedCommand::into_owned);
        let mut machine = connection.lock();
        if let Some((key, request, answer)) = copied {
            machine.waits.settle(key, request, answer, &mut after.wakers);
        }
        return;
    }
    let mut copied = Batch::new();
    answers.drain(..).for_each(|answer| copied.push(answer.into_owned()));
    let mut machine = connection.lock();
    machine.writing.hold();
    for (key, request, answer) in copied.drain(..) {
        machine.waits.settle(key, request, answer, &mut after.wakers);
    }
}

/// Decoded messages, borrowed from the input.
struct Parsed<'b> {
    origin: u64,
    used: usize,
    wants_events: bool,
    events: Batch<Event<'b>>,
    answers: Batch<CompletedCommand<'b>>,
    malformed: Option<Malformed<'b>>,
    more: bool,
    end: Option<CloseReason>,
    /// The handshake has completed.
    ready: bool,
    /// The hook that observes the wire has messages to see.
    seen: bool,
}

/// The outcome of a command.
struct CompletedCommand<'b> {
    key: usize,
    request: RequestId,
    /// The position in the stream where the reply ends.
    position: u64,
    outcome: Result<Result<Reply<'b>, Failure<'b>>, NoReplyReason>,
}

impl CompletedCommand<'_> {
    fn into_owned(self) -> (usize, RequestId, CommandOutcome) {
        let answer = match self.outcome {
            Ok(reply) => {
                let reply = reply.map(Reply::into_owned).map_err(Failure::into_owned);
                CommandOutcome::Reply(Completed { reply, position: self.position })
            }
            Err(ending) => CommandOutcome::None(ending),
        };
        (self.key, self.request, answer)
    }
}

impl<'b> Parsed<'b> {
    #[inline]
    fn new(origin: u64, wants_events: bool) -> Self {
        Self {
            origin,
            used: 0,
            wants_events,
            events: Batch::new(),
            answers: Batch::new(),
            malformed: None,
            more: false,
            end: None,
            ready: false,
            seen: false,
        }
    }

    fn take(&mut self, connection: &Connection, input: &'b [u8], after: &mut AfterUnlock) {
        let mut machine = connection.lock();
        let before = machine.client.in_flight();
        let mut count = 0;
        while count < BATCH && self.end.is_none() && self.malformed.is_none() {
            let step = match machine.client.handle_input(&input[self.used..]) {
                Ok(step) => step,
                Err(error) => {
                    self.end = Some(CloseReason::Protocol(error));
                    break;
                }
            };
            if let (Some(unseen), 1..) = (&mut machine.unseen, step.used) {
                let bytes = input[self.used..self.used + step.used].to_vec();
                unseen.push_back((Direction::Received, bytes));
            }
            self.used += step.used;
            match step.received {
                Some(Received::Event(ref event)) => {
                    if self.wants_events {
                        self.events.push(*event);
                    }
                }
                Some(received) => self.sort(received, &mut machine, connection, after),
                None => break,
            }
            count += 1;
        }
        self.more = count == BATCH;
        self.seen = machine.has_unseen();
        // Replies to abandoned commands free slots, too.
        let freed = before.saturating_sub(machine.client.in_flight());
        if freed > 0 {
            machine.offer(freed, after);
        }
    }

    fn sort(
        &mut self,
        received: Received<'b, usize>,
        machine: &mut Machine,
        connection: &Connection,
        after: &mut AfterUnlock,
    ) {
        let position = self.origin + self.used as u64;
        match received {
            Received::Reply(Answered { request, token: key, outcome, .. }) => {
                machine.lifecycle.has_stray = false;
                self.answers.push(CompletedCommand {
                    key,
                    request,
                    position,
                    outcome: Ok(outcome),
                });
            }
            Received::Unanswered(Unanswered { request, token: key, reason: ending, .. }) => {
                self.answers.push(CompletedCommand {
                    key,
                    request,
                    position,
                    outcome: Err(ending),
                });
            }
            Received::Malformed(malformed) => {
                if !connection.settings.agent && !connection.settings.tolerant {
                    self.malformed.get_or_insert(malformed);
                }
            }
            received => {
                self.ready |= matches!(received, Received::Ready);
                self.end = machine.follow(&received, connection, after);
            }
        }
    }
}

impl Machine {
    /// Handles a message about the connection itself.
    fn follow(
        &mut self,
        received: &Received<'_, usize>,
        connection: &Connection,
        after: &mut AfterUnlock,
    ) -> Option<CloseReason> {
        let settings = &connection.settings;
        match received {
            Received::Greeting(greeting) | Received::Restarted(greeting) => {
                self.lifecycle.greeting = Some(Arc::new(greeting.into_owned()));
                self.lifecycle.failed = None;
                if self.lifecycle.handshake.is_none() {
                    let waited = settings.handshake_timeout;
                    let handshake = Handshake::begin(self.now(), waited, false, true);
                    self.lifecycle.handshake = Some(Box::new(handshake));
                    self.waits.wake_watchers(&mut after.wakers);
                }
                let enable = settings.enable;
                let negotiated =
                    self.with_output(|client, output| client.negotiate(output, nonce(), enable));
                if let Err(refusal) = negotiated {
                    return Some(CloseReason::Handshake(refusal.to_string().into()));
                }
            }
            Received::Ready => self.finish_handshake(None, after),
            Received::Stray(_) => self.lifecycle.has_stray = true,
            Received::ErrorBeforeGreeting(failure) => {
                self.lifecycle.failed = Some(Box::new(Failed::Refused(failure.into_owned())));
            }
            Received::ServerParseError(failure) => {
                return Some(CloseReason::NotParsed(Arc::new(failure.into_owned())));
            }
            Received::HandshakeFailed(failure) => {
                let vital =
                    self.lifecycle.handshake.as_deref().is_none_or(|handshake| handshake.vital);
                let text = failure.to_string();
                self.finish_handshake(Some(Failed::Refused(failure.into_owned())), after);
                if vital {
                    return Some(CloseReason::Handshake(text.into()));
                }
            }
            _ => {}
        }
        None
    }
}
