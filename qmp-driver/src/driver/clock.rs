//! The driver's timer, and the deadlines it enforces.

use std::task::Context;
use std::time::Duration;

use qmp_sockets::advise_on_handshake;

use super::{Driver, Next};
use crate::CloseReason;
use crate::connection::deadlines::Due;
use crate::connection::lifecycle::{Failed, Handshake, STRAY};

impl Driver {
    /// Handles what is due, and sets the timer.
    ///
    /// A deadline has passed only when the timer has expired and all input was read after that. On a busy
    /// runtime, input that arrived in time may not have been read when the timer expires.
    pub(super) fn look_at_clock(
        &mut self,
        cx: &mut Context<'_>,
        read_all: bool,
    ) -> Result<Next, CloseReason> {
        if !self.progress.uses_timer {
            return Ok(Next::Wait);
        }
        let expired = std::mem::take(&mut self.timer_expired);
        let (due, set, timer, output) = self.connection.with(|machine, after| {
            let now = machine.now();
            let due = match machine.next_deadline() {
                Some(deadline) if expired && deadline <= now => {
                    machine.pass_deadlines(now, read_all, after)
                }
                _ => Ok(Due::Nothing),
            };
            let set = machine.alarm.timer();
            (due, set, machine.set_timer(now), !machine.writing.output.is_empty())
        });
        match due? {
            Due::Nothing => {}
            Due::Yield => return Ok(Next::Yield),
            Due::GiveUp(handshake) => {
                self.give_up(handshake)?;
                return Ok(Next::Again);
            }
        }
        self.timer_expired = match timer {
            Some(timer) => self.transport.poll_until(cx, timer).is_ready(),
            None => {
                if set.is_some() {
                    self.transport.forget_deadline();
                }
                false
            }
        };
        match self.timer_expired || (output && self.outgoing.is_empty()) {
            true => Ok(Next::Again),
            false => Ok(Next::Wait),
        }
    }

    /// The server did not answer the handshake in time.
    fn give_up(&self, handshake: Handshake) -> Result<(), CloseReason> {
        let refusal = self.connection.lock().error_before_greeting().cloned();
        let (failed, text) = match refusal {
            Some(refusal) => {
                let text = refusal.to_string();
                (Failed::Refused(refusal), text)
            }
            None => self.silence(handshake.waited),
        };
        self.connection.with(|machine, after| machine.finish_handshake(Some(failed), after));
        match handshake.vital {
            true => Err(CloseReason::Handshake(text.into())),
            false => Ok(()),
        }
    }

    fn silence(&self, waited: Duration) -> (Failed, String) {
        let unfinished = self.input.unread();
        // An agent may send what its previous client did not wait for.
        let is_agent = self.connection.settings.agent;
        let has_stray = !is_agent && self.connection.lock().lifecycle.has_stray;
        let advice = if has_stray {
            STRAY.to_owned()
        } else {
            advise_on_handshake(is_agent, unfinished, || self.transport.describe_silence())
        };
        let text = format!("no answer in {waited:.1?}: {advice}");
        (Failed::Silent { waited, advice }, text)
    }
}
