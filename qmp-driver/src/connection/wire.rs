//! A look at the wire.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::TryLockError;
use std::sync::atomic::{AtomicBool, Ordering};

use qmp_proto::{Direction, messages, redact};

use crate::connection::Connection;
use crate::sync::{Mutex, MutexGuard};
use crate::trace;

/// Shows messages to a hook of the caller's, passwords masked.
///
/// What is sent and received is noted under the connection's lock, so in the order of the wire, and
/// shown with that lock released.
#[derive(Default)]
pub(crate) struct Wire {
    hook: Mutex<Option<Hook>>,
    /// Whether there is a hook.
    watched: AtomicBool,
}

pub(crate) type Hook = Box<dyn FnMut(Direction, &[u8]) + Send>;

/// What went over the wire and was not shown yet.
pub(crate) type Seen = VecDeque<(Direction, Vec<u8>)>;

impl Wire {
    /// Puts another hook in the place of the last.
    pub(crate) fn watch(&self, hook: Hook) {
        let mut place = self.lock();
        let last = place.replace(hook);
        self.watched.store(true, Ordering::Relaxed);
        drop(place);
        drop(last);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) || trace::shows_wire()
    }

    /// Shows what was seen. If somebody does that at the moment, this is left to them: so it may be
    /// called from the hook itself.
    pub(crate) fn show(&self, connection: &Connection) {
        while !connection.lock().seen.is_empty() {
            let Some(mut hook) = self.try_lock() else {
                return;
            };
            loop {
                let seen = std::mem::take(&mut connection.lock().seen);
                if seen.is_empty() {
                    break;
                }
                for (direction, bytes) in &seen {
                    for message in messages(bytes) {
                        let message = redact(message);
                        trace::wire(&connection.peer, *direction, &message);
                        self.call(&mut hook, *direction, &message);
                    }
                }
            }
        }
    }

    /// A hook that panics is not called again, and costs nobody else anything.
    fn call(&self, hook: &mut Option<Hook>, direction: Direction, message: &[u8]) {
        let Some(calls) = hook else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| calls(direction, message))).is_err() {
            self.watched.store(false, Ordering::Relaxed);
            *hook = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Hook>> {
        self.hook.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<Hook>>> {
        match self.hook.try_lock() {
            Ok(hook) => Some(hook),
            Err(TryLockError::Poisoned(hook)) => Some(hook.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}
