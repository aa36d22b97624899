//! What was read, handed to whoever it is for.

use std::sync::Arc;

use qmp_proto::{Received, RequestId};
use qmp_sockets::{Direction, Disconnect, nonce};

use crate::connection::Connection;
use crate::connection::machine::{After, Failed, Handshake, Machine, Writer};
use crate::connection::waits::Answer;
use crate::trace;

/// So many messages are understood at a time: the lock is held for moments.
const BATCH: usize = 64;

/// How far the input was understood.
#[derive(Debug)]
pub(crate) struct Dispatched {
    pub(crate) used: usize,
    /// There may be more in the input.
    pub(crate) more: bool,
    /// Several answers were among it: those who got them are likely to send at the same time.
    pub(crate) several: bool,
    /// The connection cannot go on.
    pub(crate) end: Option<Disconnect>,
}

/// Hands out what is in the input.
///
/// Answers and events are copied, and predicates run, with no lock held. Whoever sees an answer
/// finds the events before it in the queue.
pub(crate) fn dispatch(connection: &Connection, input: &[u8]) -> Dispatched {
    let mut after = After::default();
    let Batch { used, received, more, mut end, ready, seen } =
        take_batch(connection, input, &mut after);
    if seen {
        connection.common.wire.show(connection);
    }
    if ready {
        trace::connected(&connection.peer);
    }
    let mut events = Vec::new();
    let mut answers = Vec::new();
    let wants_events = connection.common.bus.has_takers();
    for received in received {
        match received {
            Received::Event(event) if wants_events => events.push(Arc::new(event.into_owned())),
            Received::Answer(answer) => {
                let outcome = match answer.outcome {
                    Ok(reply) => Answer::Reply(reply.into_owned()),
                    Err(failure) => Answer::Failure(failure.into_owned()),
                };
                answers.push((answer.token, answer.request, outcome));
            }
            Received::Unanswered(lost) => {
                answers.push((lost.token, lost.request, Answer::None(lost.ending)));
            }
            Received::Malformed(malformed) => {
                let agent = connection.settings.agent;
                if !agent && !connection.settings.tolerant && end.is_none() {
                    end = Some(Disconnect::Malformed(malformed.to_string().into()));
                }
            }
            // What is about the connection was dealt with already, and an answer to nobody here is
            // nothing.
            _ => {}
        }
    }
    if !events.is_empty() {
        let bus = &connection.common.bus;
        bus.publish(connection.number, &events, &mut after.wakers);
    }
    let several = answers.len() > 1;
    settle(connection, answers, &mut after);
    after.run();
    Dispatched { used, more: more && end.is_none(), several, end }
}

fn settle(connection: &Connection, answers: Vec<(usize, RequestId, Answer)>, after: &mut After) {
    if answers.is_empty() {
        return;
    }
    let mut machine = connection.lock();
    if answers.len() > 1 && machine.writer == Writer::Anyone {
        machine.writer = Writer::Driver;
    }
    for (key, request, answer) in answers {
        machine.waits.settle(key, request, answer, &mut after.wakers);
    }
}

/// Some of the input, understood, and borrowed from it.
struct Batch<'b> {
    used: usize,
    received: Vec<Received<'b, usize>>,
    more: bool,
    end: Option<Disconnect>,
    /// The handshake is over.
    ready: bool,
    /// Something is to be shown to whoever looks at the wire.
    seen: bool,
}

fn take_batch<'b>(connection: &Connection, input: &'b [u8], after: &mut After) -> Batch<'b> {
    let mut batch =
        Batch { used: 0, received: Vec::new(), more: false, end: None, ready: false, seen: false };
    let mut machine = connection.lock();
    let before = machine.client.in_flight();
    while batch.received.len() < BATCH && batch.end.is_none() {
        let step = match machine.client.handle_input(&input[batch.used..]) {
            Ok(step) => step,
            Err(error) => {
                batch.end = Some(Disconnect::Protocol(error));
                break;
            }
        };
        if machine.watched && step.used > 0 {
            let bytes = input[batch.used..batch.used + step.used].to_vec();
            machine.seen.push_back((Direction::Received, bytes));
        }
        batch.used += step.used;
        let Some(received) = step.received else {
            break;
        };
        batch.ready |= matches!(received, Received::Ready);
        batch.end = machine.follow(&received, connection, after);
        batch.received.push(received);
    }
    batch.more = batch.received.len() == BATCH;
    batch.seen = !machine.seen.is_empty();
    // Answers that nobody waits for any more free slots as well.
    let freed = before.saturating_sub(machine.client.in_flight());
    if freed > 0 {
        machine.waits.wake_turns(freed, &mut after.wakers);
    }
    batch
}

impl Machine {
    /// Does what a message about the connection itself asks for.
    fn follow(
        &mut self,
        received: &Received<'_, usize>,
        connection: &Connection,
        after: &mut After,
    ) -> Option<Disconnect> {
        let settings = &connection.settings;
        match received {
            Received::Greeting(greeting) | Received::Restarted(greeting) => {
                self.lifecycle.greeting = Some(Arc::new(greeting.into_owned()));
                if self.lifecycle.handshake.is_none() {
                    let waited = settings.handshake_deadline;
                    self.lifecycle.handshake =
                        Some(Handshake::begin(self.now(), waited, false, true));
                    self.waits.wake_watchers(&mut after.wakers);
                }
                let enable = settings.enable;
                let negotiated =
                    self.say(|client, output| client.negotiate(output, nonce(), enable));
                if let Err(refusal) = negotiated {
                    return Some(Disconnect::Handshake(refusal.to_string().into()));
                }
            }
            Received::Ready => self.shake(None, after),
            Received::ServerParseError(failure) => {
                return Some(Disconnect::NotParsed(Arc::new(failure.into_owned())));
            }
            Received::HandshakeFailed(failure) => {
                let vital = self.lifecycle.handshake.is_none_or(|handshake| handshake.vital);
                let text = failure.to_string();
                self.shake(Some(Failed::Refused(failure.into_owned())), after);
                if vital {
                    return Some(Disconnect::Handshake(text.into()));
                }
            }
            _ => {}
        }
        None
    }
}
