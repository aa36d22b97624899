//! The hook that observes the messages on the wire.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, TryLockError};

use qmp_proto::{Direction, Redactor, messages};

use crate::sync::{Mutex, MutexGuard};
use crate::trace;

/// Passes messages to the caller's hook, with secrets masked.
///
/// Messages are recorded under the connection's lock, in the order of the wire, and passed to the hook
/// without that lock.
#[derive(Default)]
pub(crate) struct Wire {
    /// Locked while the hook is called.
    watching: Mutex<Watching>,
    /// A replacement for the hook before the next message. It may be set from within the hook.
    next: Mutex<Option<Hook>>,
    /// Whether a hook is set.
    watched: AtomicBool,
}

#[derive(Default)]
struct Watching {
    hook: Option<Hook>,
    /// The known secrets, because a server may repeat them.
    redactor: Option<Box<Redactor>>,
}

pub(crate) type Hook = Box<dyn FnMut(Direction, &[u8]) + Send>;

/// Messages that were not passed to the hook yet.
pub(crate) type Seen = VecDeque<(Direction, Vec<u8>)>;

impl Wire {
    /// Replaces the hook, from the next message on.
    pub(crate) fn watch(&self, hook: Hook) {
        let last = lock(&self.next).replace(hook);
        self.watched.store(true, Ordering::Relaxed);
        drop(last);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) || trace::shows_wire()
    }

    /// Passes on what `take` returns until it returns nothing. If another thread is doing that, or the caller
    /// is the hook itself, that call passes it on.
    pub(crate) fn show(&self, peer: &str, take: impl Fn() -> Seen) {
        loop {
            let Some(mut watching) = self.try_lock() else {
                return;
            };
            let seen = take();
            if seen.is_empty() {
                return;
            }
            let Watching { hook, redactor } = &mut *watching;
            let redactor = redactor.get_or_insert_default();
            for (direction, bytes) in &seen {
                for message in messages(bytes) {
                    let message = redactor.redact(*direction, message);
                    trace::wire(peer, *direction, &message);
                    self.call(hook, *direction, &message);
                }
            }
        }
    }

    /// A hook that panics is not called again.
    fn call(&self, hook: &mut Option<Hook>, direction: Direction, message: &[u8]) {
        let next = lock(&self.next).take();
        if next.is_some() {
            *hook = next;
        }
        let Some(calls) = hook else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| calls(direction, message))).is_err() {
            *hook = None;
            self.watched.store(lock(&self.next).is_some(), Ordering::Relaxed);
        }
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Watching>> {
        match self.watching.try_lock() {
            Ok(watching) => Some(watching),
            Err(TryLockError::Poisoned(watching)) => Some(watching.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}
