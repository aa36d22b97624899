//! An attempt to send a message.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::{CloseReason, ErrorKind};
use qmp_proto::{
    Arguments, JsonError, OwnedArguments, Phase, RawMessage, Request, RequestId, SendError,
    SendErrorKind,
};

use crate::Transport;
use crate::connection::machine::{AfterUnlock, Machine};
use crate::connection::turns::{Lane, Turn};
use crate::connection::waits::Awaited;
use crate::transport::Descriptor;

/// A message whose text is complete.
pub(crate) struct Ready {
    pub(crate) text: MessageText,
    pub(crate) out_of_band: bool,
    pub(crate) descriptor: Option<Descriptor>,
}

pub(crate) enum MessageText {
    Arguments(Option<OwnedArguments>),
    /// A complete message.
    Raw(String),
}

/// The same text, checked against the rules of QEMU's parser.
pub(crate) enum Checked<'a> {
    Arguments(Option<Arguments<'a>>),
    Raw(RawMessage<'a>),
}

impl MessageText {
    pub(crate) fn check(&self) -> Result<Checked<'_>, JsonError> {
        Ok(match self {
            Self::Arguments(arguments) => {
                Checked::Arguments(arguments.as_ref().map(OwnedArguments::as_arguments))
            }
            Self::Raw(text) => Checked::Raw(RawMessage::parse(text)?),
        })
    }
}

/// The start of a command and its deadline; `None` without a deadline.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommandClock(pub(crate) Option<(Instant, Option<Instant>)>);

impl CommandClock {
    pub(crate) fn start(deadline: Option<Duration>, now: impl FnOnce() -> Instant) -> Self {
        Self(deadline.map(|deadline| {
            let now = now();
            (now, now.checked_add(deadline))
        }))
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        self.0?.1
    }

    /// Returns the time since the start.
    pub(crate) fn waited(self, machine: &Machine) -> Duration {
        self.0
            .map_or(Duration::ZERO, |(started, _)| machine.now().saturating_duration_since(started))
    }
}

/// One attempt to send, made under the lock.
pub(crate) struct Attempt<'a> {
    pub(crate) name: &'a str,
    pub(crate) answered: bool,
    pub(crate) clock: CommandClock,
    pub(crate) checked: Checked<'a>,
    pub(crate) out_of_band: bool,
    pub(crate) descriptor: &'a mut Option<Descriptor>,
    /// The place in a queue from an earlier attempt.
    pub(crate) place: Option<QueuePlace>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuePlace {
    pub(crate) key: usize,
    turn: Turn,
}

/// The result of an attempt.
pub(crate) enum Attempted {
    Sent(usize, RequestId),
    Queued(QueuePlace),
    Failed(ErrorKind),
}

impl Attempt<'_> {
    pub(crate) fn make(
        mut self,
        machine: &mut Machine,
        waker: Waker,
        after: &mut AfterUnlock,
    ) -> Attempted {
        if let Some(cause) = self.impossible(machine) {
            return self.fail(machine, cause, waker, after);
        }
        let mut turn = self.next_turn(machine);
        if self.place.is_some_and(|place| machine.waits.is_expired(place.key)) {
            let waited = self.clock.waited(machine);
            let refusal = machine.waits.turns.refusal(turn.lane).cloned();
            let refusal = refusal.unwrap_or_else(|| SendErrorKind::Phase(machine.client.phase()));
            return self.fail(machine, ErrorKind::NotSentInTime { waited, refusal }, waker, after);
        }
        if !machine.waits.turns.is_behind(turn) {
            let key = self.place.map(|place| place.key);
            let key = key.unwrap_or_else(|| machine.waits.next_key());
            match self.send(machine, key) {
                Ok(request) => {
                    self.wait(machine, Awaited::Answer(request), waker, after);
                    if self.place.is_some() {
                        // The next command may try as well.
                        machine.offer(1, after);
                    }
                    machine.try_write(after);
                    return Attempted::Sent(key, request);
                }
                Err(refusal) if is_temporary(&refusal, machine) => {
                    turn.lane = match refusal {
                        SendErrorKind::DescriptorInFlight => Lane::Descriptor,
                        _ => self.lane(),
                    };
                    machine.waits.turns.set_refusal(turn.lane, refusal);
                }
                Err(refusal) => {
                    return self.fail(machine, ErrorKind::NotSent(refusal), waker, after);
                }
            }
        }
        let key = self.wait(machine, Awaited::Turn(turn), waker, after);
        Attempted::Queued(QueuePlace { key, turn })
    }

    /// Returns an error that waiting cannot resolve.
    fn impossible(&self, machine: &Machine) -> Option<ErrorKind> {
        let lifecycle = &machine.lifecycle;
        let closing = lifecycle.closing.filter(|_| !machine.handover.is_polled());
        let reason = match (&lifecycle.ended, closing) {
            (Some(reason), _) => reason.clone(),
            (None, Some(_)) => CloseReason::ByUs,
            (None, None) => {
                let carries = |it: &Arc<dyn Transport>| it.supports_descriptors();
                let carries = machine.transport.as_ref().is_some_and(carries);
                return (self.descriptor.is_some() && !carries)
                    .then_some(ErrorKind::DescriptorsUnsupported);
            }
        };
        let sent = false;
        Some(ErrorKind::Disconnected { reason, sent })
    }

    fn lane(&self) -> Lane {
        match self.out_of_band {
            true => Lane::OutOfBand,
            false => Lane::InBand,
        }
    }

    /// Returns the place in the queue that must be first now.
    fn next_turn(&self, machine: &mut Machine) -> Turn {
        let ticket = match self.place {
            Some(place) => place.turn.ticket,
            None => machine.waits.turns.new_ticket(),
        };
        let lane = Lane::Descriptor;
        let among_descriptors = Turn { lane, ticket };
        if self.descriptor.is_some() && machine.waits.turns.is_behind(among_descriptors) {
            return among_descriptors;
        }
        let lane = self.lane();
        Turn { lane, ticket }
    }

    fn send(&mut self, machine: &mut Machine, key: usize) -> Result<RequestId, SendErrorKind> {
        match &self.checked {
            Checked::Raw(message) => {
                let descriptor = self.descriptor.take();
                let executed = machine.with_output(|client, output| {
                    client.execute_raw_with_descriptor(output, message, descriptor, key)
                });
                self.keep(executed)
            }
            Checked::Arguments(None) => self.execute(machine, Request::new(self.name), key),
            Checked::Arguments(Some(arguments)) => {
                let request = Request::new(self.name).arguments(*arguments);
                self.execute(machine, request, key)
            }
        }
    }

    fn execute(
        &mut self,
        machine: &mut Machine,
        mut request: Request<'_, Descriptor>,
        key: usize,
    ) -> Result<RequestId, SendErrorKind> {
        if self.out_of_band {
            request = request.out_of_band();
        }
        if !self.answered {
            request = request.no_success_response();
        }
        if let Some(descriptor) = self.descriptor.take() {
            request = request.descriptor(descriptor);
        }
        let executed = machine.with_output(|client, output| client.execute(output, request, key));
        self.keep(executed)
    }

    /// Keeps the descriptor of an unsent message for the next attempt.
    fn keep<T>(
        &mut self,
        executed: Result<RequestId, SendError<T, Descriptor>>,
    ) -> Result<RequestId, SendErrorKind> {
        executed.map_err(|refused| {
            *self.descriptor = refused.descriptor;
            refused.reason
        })
    }

    fn wait(
        &self,
        machine: &mut Machine,
        awaited: Awaited,
        waker: Waker,
        after: &mut AfterUnlock,
    ) -> usize {
        let deadline = self.clock.deadline();
        let queues = matches!(awaited, Awaited::Turn(_));
        let key = match self.place {
            Some(QueuePlace { key, .. }) => {
                machine.waits.change(key, awaited);
                after.stale = machine.waits.renew(key, waker);
                key
            }
            None => machine.waits.insert(awaited, deadline, waker),
        };
        machine.keep(deadline, after);
        if queues {
            // An earlier command may not take its turn.
            machine.arm(machine.waits.turns.next_pass(), after);
        }
        key
    }

    fn fail(
        self,
        machine: &mut Machine,
        cause: ErrorKind,
        waker: Waker,
        after: &mut AfterUnlock,
    ) -> Attempted {
        after.stale = Some(waker);
        if let Some(QueuePlace { key, .. }) = self.place {
            after.leaving = machine.waits.remove(key);
            machine.offer(1, after);
        }
        Attempted::Failed(cause)
    }
}

/// Returns whether an error is temporary: it ends with the next reply, the handshake or the connection.
fn is_temporary(refusal: &SendErrorKind, machine: &Machine) -> bool {
    match refusal {
        SendErrorKind::TooManyInFlight { .. }
        | SendErrorKind::TooManyBytesInFlight { .. }
        | SendErrorKind::HeldByAbandoned { .. }
        | SendErrorKind::DescriptorInFlight => true,
        // The driver is about to set the close reason.
        SendErrorKind::Phase(Phase::Ended) => true,
        SendErrorKind::Phase(_) => machine.lifecycle.handshake.is_some(),
        _ => false,
    }
}
