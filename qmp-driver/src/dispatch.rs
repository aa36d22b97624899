//! What was read, handed to whoever it is for.

use std::io;
use std::sync::Arc;

use qmp_proto::{Received, RequestId};
use qmp_sockets::{Disconnect, nonce};

use crate::machine::{After, Failed, Handshake, Machine, Writer};
use crate::shared::Shared;
use crate::waits::Answer;

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
pub(crate) fn dispatch(shared: &Shared, input: &[u8]) -> Dispatched {
    let mut after = After::default();
    let Batch { used, received, more, mut end } = take_batch(shared, input, &mut after);
    let mut events = Vec::new();
    let mut answers = Vec::new();
    let wants_events = shared.bus.has_takers();
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
                let agent = shared.settings.agent;
                if !agent && !shared.settings.tolerant && end.is_none() {
                    end = Some(Disconnect::Malformed(malformed.to_string().into()));
                }
            }
            // What is about the connection was dealt with already, and an answer to nobody here is
            // nothing.
            _ => {}
        }
    }
    if !events.is_empty() {
        shared.bus.publish(&events, &mut after.wakers);
    }
    let several = answers.len() > 1;
    settle(shared, answers, &mut after);
    after.run();
    Dispatched { used, more: more && end.is_none(), several, end }
}

fn settle(shared: &Shared, answers: Vec<(usize, RequestId, Answer)>, after: &mut After) {
    if answers.is_empty() {
        return;
    }
    let mut machine = shared.lock();
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
}

fn take_batch<'b>(shared: &Shared, input: &'b [u8], after: &mut After) -> Batch<'b> {
    let mut batch = Batch { used: 0, received: Vec::new(), more: false, end: None };
    let mut machine = shared.lock();
    let before = machine.client.in_flight();
    while batch.received.len() < BATCH && batch.end.is_none() {
        let step = match machine.client.handle_input(&input[batch.used..]) {
            Ok(step) => step,
            Err(error) => {
                batch.end = Some(Disconnect::Protocol(error));
                break;
            }
        };
        batch.used += step.used;
        let Some(received) = step.received else {
            break;
        };
        batch.end = machine.follow(&received, shared, after);
        batch.received.push(received);
    }
    batch.more = batch.received.len() == BATCH;
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
        shared: &Shared,
        after: &mut After,
    ) -> Option<Disconnect> {
        let settings = &shared.settings;
        match received {
            Received::Greeting(greeting) | Received::Restarted(greeting) => {
                self.lifecycle.greeting = Some(Arc::new(greeting.into_owned()));
                if self.lifecycle.handshake.is_none() {
                    let waited = settings.handshake_deadline;
                    self.lifecycle.handshake =
                        Some(Handshake::begin(self.now(), waited, false, true));
                    self.waits.wake_watchers(&mut after.wakers);
                }
                let negotiated = self.client.negotiate(&mut self.output, nonce(), settings.enable);
                if let Err(refusal) = negotiated {
                    let error = io::Error::other(refusal.to_string());
                    return Some(Disconnect::Io(Arc::new(error)));
                }
            }
            Received::Ready => self.shake(None, after),
            Received::HandshakeFailed(failure) => {
                let vital = self.lifecycle.handshake.is_none_or(|handshake| handshake.vital);
                let text = failure.to_string();
                self.shake(Some(Failed::Refused(failure.into_owned())), after);
                if vital {
                    let error = io::Error::other(format!("the handshake was refused: {text}"));
                    return Some(Disconnect::Io(Arc::new(error)));
                }
            }
            _ => {}
        }
        None
    }
}
