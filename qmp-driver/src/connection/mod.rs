//! The state that the driver, the client and the futures of a connection share.

pub(crate) mod alarm;
pub(crate) mod common;
pub(crate) mod deadlines;
pub(crate) mod deferred;
pub(crate) mod handover;
pub(crate) mod lifecycle;
pub(crate) mod machine;
pub(crate) mod settings;
pub(crate) mod turns;
pub(crate) mod waiting;
pub(crate) mod waits;
pub(crate) mod watchdog;
pub(crate) mod wire;

use std::net::Shutdown;
use std::sync::{Arc, PoisonError, Weak};

use crate::{CloseReason, Error, ErrorKind};

use crate::sync::{Mutex, MutexGuard};
use crate::trace;
use common::Common;
use machine::{AfterUnlock, Machine};
use settings::Settings;
use watchdog::Watched;

#[derive(Debug)]
pub(crate) struct Connection {
    /// For the watchdog thread.
    itself: Weak<Self>,
    machine: Mutex<Machine>,
    /// The number of this connection among those of its client.
    pub(crate) number: u64,
    pub(crate) common: Arc<Common>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) peer: Arc<str>,
}

impl Connection {
    pub(crate) fn new(
        machine: Machine,
        number: u64,
        common: Arc<Common>,
        settings: Arc<Settings>,
        peer: &str,
    ) -> Arc<Self> {
        let (peer, machine) = (Arc::from(peer), Mutex::new(machine));
        Arc::new_cyclic(|itself| {
            let itself = Weak::clone(itself);
            Self { itself, machine, number, common, settings, peer }
        })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().lifecycle.ended.is_some()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `change` under the lock, and does the deferred work after the lock is released.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Machine, &mut AfterUnlock) -> R) -> R {
        let mut after = AfterUnlock::default();
        let mut machine = self.lock();
        let result = change(&mut machine, &mut after);
        let seen = machine.has_unseen();
        drop(machine);
        if seen {
            self.show_wire();
        }
        if let Some(at) = after.look_after {
            watchdog::look_after(Weak::<Self>::clone(&self.itself), at);
        }
        after.run();
        result
    }

    /// Passes messages on the wire to the hook.
    pub(crate) fn show_wire(&self) {
        let take = || self.lock().unseen.as_deref_mut().map(std::mem::take).unwrap_or_default();
        self.common.wire.show(&self.peer, take);
    }

    /// Ends the connection and wakes all waiting tasks.
    pub(crate) fn end(&self, reason: CloseReason) {
        let mut after = AfterUnlock::default();
        let mut machine = self.lock();
        if machine.lifecycle.ended.is_some() {
            return;
        }
        machine.end(reason.clone(), &mut after);
        // Under the lock: a task that sees the end of the connection then also finds the notice.
        let ended = self.common.bus.end(self.number, &reason, &mut after.wakers);
        drop(machine);
        drop(ended);
        trace::ended(&self.peer, &reason);
        after.run();
    }

    /// Returns an error if the stream does not support deadlines.
    pub(crate) fn refuse_deadline(&self) -> Result<(), ErrorKind> {
        match &self.lock().transport {
            Some(transport) if !transport.has_deadlines() => Err(ErrorKind::TimeoutsUnsupported),
            _ => Ok(()),
        }
    }

    /// Handles the drop of the client: persistent subscriptions end with this connection.
    pub(crate) fn finish_subscriptions(&self) {
        let mut after = AfterUnlock::default();
        self.common.bus.finish(&mut after.wakers);
        after.run();
    }

    pub(crate) fn error(&self, cause: ErrorKind) -> Error {
        Error::new(cause).with_peer(&self.peer)
    }

    /// Returns the error of a connection that has ended or is closing.
    pub(crate) fn disconnected(&self, reason: Option<CloseReason>, sent: bool) -> Error {
        let reason = reason.unwrap_or(CloseReason::ByUs);
        self.error(ErrorKind::Disconnected { reason, sent })
    }
}

impl Watched for Connection {
    fn pass_late_deadlines(&self) {
        let (transport, end) = self
            .with(|machine, after| (machine.transport.clone(), machine.pass_late_deadlines(after)));
        if let Some(reason) = end {
            self.end(reason);
            // Nothing else closes it while the driver is not polled.
            if let Some(transport) = transport {
                transport.shutdown(Shutdown::Both);
            }
        }
    }
}
