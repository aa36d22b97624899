//! The deadlines of a connection, enforced by its driver or for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::SendErrorKind;
use qmp_sockets::nonce;

use crate::connection::alarm::{Timer, Watchdog};
use crate::connection::lifecycle::{Failed, Handshake};
use crate::connection::machine::{AfterUnlock, Machine};
use crate::connection::waits::Keeper;
use crate::{CloseReason, Transport};

/// How long after its deadline a wait ends at the latest, if a server sends so much that the driver never
/// reads all of it.
const GRACE: Duration = Duration::from_millis(50);

/// The advice if a deadline had to be enforced because the driver was not polled.
pub(crate) const NOT_POLLED: &str = "the driver of this connection is not polled: is the runtime \
     running that it was spawned on?";

/// How long an agent has to answer a sync before another is sent: input that was written before it opened
/// its port may be lost.
const SYNC_AGAIN: Duration = Duration::from_secs(2);

/// What the driver has to do about its deadlines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Nothing,
    /// Yield to other tasks before anything else.
    Yield,
    /// Handle a handshake that took too long.
    GiveUp(Handshake),
}

impl Machine {
    /// Makes sure that the driver's timer is set early enough.
    pub(crate) fn arm(&mut self, deadline: Option<Instant>, after: &mut AfterUnlock) {
        if deadline.is_some_and(|deadline| self.alarm.timer().is_none_or(|set| deadline < set)) {
            self.wake_driver(after);
        }
    }

    /// Makes sure that a deadline is enforced, by the driver or for it.
    pub(crate) fn keep(&mut self, deadline: Option<Instant>, after: &mut AfterUnlock) {
        self.arm(deadline, after);
        let Some(at) = deadline.and_then(|deadline| deadline.checked_add(GRACE)) else {
            return;
        };
        match self.alarm.watchdog {
            Watchdog::Unneeded => return,
            Watchdog::Due(set) if set <= at => return,
            Watchdog::Due(_) | Watchdog::Idle => {}
        }
        let driven = |transport: &Arc<dyn Transport>| transport.clock_runs_here();
        if !self.transport.as_ref().is_none_or(driven) {
            self.alarm.watchdog = Watchdog::Due(at);
            after.look_after = Some(at);
        }
    }

    /// Returns the next time at which the driver has work to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let handshake = self.lifecycle.handshake.as_deref().and_then(Handshake::next);
        let closing = self.lifecycle.closing.and_then(|closing| closing.deadline);
        let waits = self.waits.first_deadline();
        let turn = self.waits.turns.next_pass();
        let others = [handshake, closing, turn, self.paused_until, self.handover.deadline()];
        others.into_iter().flatten().chain(waits).min()
    }

    /// Returns whether the driver's timer is set or has to be set.
    pub(crate) fn uses_timer(&self) -> bool {
        self.alarm.timer.is_some() || self.next_deadline().is_some()
    }

    /// Returns the time to set the driver's timer to. A timer that expires too early costs less than setting it
    /// again for each command with a deadline, but many connections are idle after their handshake.
    pub(crate) fn set_timer(&mut self, now: Instant) -> Option<Instant> {
        let next = self.next_deadline();
        let in_handshake = self.lifecycle.handshake.is_some();
        let serves = |set: &Timer| {
            let in_time = now < set.at && next.is_none_or(|next| set.at <= next);
            in_time && set.in_handshake == in_handshake
        };
        if !self.alarm.timer.as_ref().is_some_and(serves) {
            self.alarm.timer = next.map(|at| Timer { at, in_handshake });
        }
        self.alarm.timer()
    }

    /// Ends the waits whose deadline has passed, passes over commands that do not take their turn, and
    /// sends a sync when one is due.
    ///
    /// A reply that arrived in time counts, however late it is read, so waits end only when all available
    /// input was read (`read_all`).
    pub(crate) fn pass_deadlines(
        &mut self,
        now: Instant,
        read_all: bool,
        after: &mut AfterUnlock,
    ) -> Result<Due, CloseReason> {
        let until = match read_all {
            true => Some(now),
            false => now.checked_sub(GRACE),
        };
        if until.is_some_and(|until| self.waits.expire(until, Keeper::Driver, &mut after.wakers)) {
            self.offer(1, after);
        }
        self.close_late(now)?;
        let handshake = self.lifecycle.handshake.as_deref().copied();
        if handshake.is_some_and(|handshake| passed(handshake.deadline, now)) {
            return Ok(handshake.map_or(Due::Nothing, Due::GiveUp));
        }
        if let Err(refusal) = self.sync_when_due(now) {
            return Err(CloseReason::Handshake(refusal.to_string().into()));
        }
        match self.pass_over(now, after) {
            true => Ok(Due::Yield),
            false => Ok(Due::Nothing),
        }
    }

    /// Ends the waits whose deadline the driver should have noticed some time ago. Returns a reason to close
    /// the connection if its handshake or its closing took too long.
    pub(crate) fn pass_late_deadlines(&mut self, after: &mut AfterUnlock) -> Option<CloseReason> {
        if let Watchdog::Due(_) = self.alarm.watchdog {
            self.alarm.watchdog = Watchdog::Idle;
        }
        let late = self.now().checked_sub(GRACE)?;
        if self.waits.expire(late, Keeper::Watchdog, &mut after.wakers) {
            self.offer(1, after);
        }
        if let Err(reason) = self.close_late(late) {
            return Some(reason);
        }
        let handshake = self.lifecycle.handshake.as_deref().copied();
        if let Some(handshake) = handshake.filter(|it| passed(it.deadline, late)) {
            let (waited, advice) = (handshake.waited, NOT_POLLED.to_owned());
            self.finish_handshake(Some(Failed::Silent { waited, advice }), after);
            if handshake.vital {
                return Some(CloseReason::Handshake(NOT_POLLED.into()));
            }
        }
        self.keep(self.callers_deadline(), after);
        None
    }

    /// Returns the reason to end the connection if closing took too long.
    fn close_late(&mut self, now: Instant) -> Result<(), CloseReason> {
        match self.lifecycle.closing.filter(|closing| passed(closing.deadline, now)) {
            Some(closing) => {
                self.lifecycle.closed_late = !closing.lingers;
                Err(CloseReason::ByUs)
            }
            None => Ok(()),
        }
    }

    /// Sends a sync if one is due.
    fn sync_when_due(&mut self, now: Instant) -> Result<(), SendErrorKind> {
        let Some(handshake) = &mut self.lifecycle.handshake else {
            return Ok(());
        };
        if handshake.sync_at.is_none_or(|due| due > now) {
            return Ok(());
        }
        handshake.sync_at = now.checked_add(SYNC_AGAIN);
        self.with_output(|client, output| client.sync(output, nonce()))
    }

    /// Passes over commands that have not taken an offered turn. Returns whether the driver has to yield so
    /// that others can take theirs.
    fn pass_over(&mut self, now: Instant, after: &mut AfterUnlock) -> bool {
        let passed = self.waits.turns.pass_over(now);
        if passed.any {
            self.offer(1, after);
        }
        passed.yields
    }

    /// Returns the earliest deadline that a caller waits for.
    fn callers_deadline(&self) -> Option<Instant> {
        let waits = self.waits.first_deadline();
        waits.into_iter().chain(self.lifecycle.deadline()).min()
    }
}

fn passed(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}
