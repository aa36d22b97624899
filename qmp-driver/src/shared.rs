//! What the driver, the clients and the futures of one connection share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use qmp_sockets::{Cause, Disconnect, Error};

use crate::builder::Settings;
use crate::bus::Bus;
use crate::machine::{After, Machine};
use crate::waits::Awaited;

#[derive(Debug)]
pub(crate) struct Shared {
    machine: Mutex<Machine>,
    pub(crate) bus: Bus,
    pub(crate) settings: Settings,
    pub(crate) peer: Arc<str>,
}

impl Shared {
    pub(crate) fn new(machine: Machine, settings: Settings, peer: &str) -> Self {
        Self { machine: Mutex::new(machine), bus: Bus::default(), settings, peer: Arc::from(peer) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and does what is left to do once the lock is released.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Machine, &mut After) -> R) -> R {
        let mut after = After::default();
        let result = change(&mut self.lock(), &mut after);
        after.run();
        result
    }

    /// Ends the connection and tells everybody.
    pub(crate) fn end(&self, reason: Disconnect) {
        let mut after = After::default();
        let mut machine = self.lock();
        if machine.lifecycle.ended.is_some() {
            return;
        }
        machine.end(reason, &mut after);
        drop(machine);
        self.bus.end(&mut after.wakers);
        after.run();
    }

    pub(crate) fn error(&self, cause: Cause) -> Error {
        Error::new(cause).with_peer(&self.peer)
    }

    /// The connection is over, or about to be.
    pub(crate) fn disconnected(&self, reason: Option<Disconnect>, sent: bool) -> Error {
        let reason = reason.unwrap_or(Disconnect::ByUs);
        self.error(Cause::Disconnected { reason, sent })
    }
}

/// A wait that ends with the future that waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Option<usize>);

impl Waiting {
    /// Waits until `check` has something. It is asked again after whatever is `awaited`, and when
    /// the deadline passes.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        shared: &Shared,
        awaited: impl FnOnce() -> Awaited,
        deadline: Option<Instant>,
        check: impl FnOnce(&mut Machine) -> Option<T>,
    ) -> Poll<T> {
        let waker = cx.waker().clone();
        shared.with(|machine, after| {
            if let Some(done) = check(machine) {
                after.stale = Some(waker);
                return Poll::Ready(done);
            }
            match self.0 {
                Some(key) => after.stale = machine.waits.renew(key, waker),
                None => {
                    self.0 = Some(machine.waits.insert(awaited(), deadline, waker));
                    machine.arm(deadline, after);
                }
            }
            Poll::Pending
        })
    }

    pub(crate) fn leave(&mut self, shared: &Shared) {
        if let Some(key) = self.0.take() {
            let wait = shared.lock().waits.remove(key);
            drop(wait);
        }
    }
}
