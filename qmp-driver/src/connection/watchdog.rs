//! Deadlines of connections whose driver is not polled.
//!
//! The timer of a connection belongs to its driver. If a client is used from another runtime, and the
//! driver's runtime does not run, its deadlines would never pass. So unless the driver is known to run on a
//! thread of its runtime, one background thread for the whole process checks a connection some time after a
//! deadline. It is started when it is first needed, and ends when it has nothing to do.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How long the idle thread stays.
const IDLE: Duration = Duration::from_secs(5);

/// Something that the thread checks.
pub(crate) trait Watched: Send + Sync {
    /// Handles the deadlines that the driver should have handled some time ago.
    fn pass_late_deadlines(&self);
}

/// Makes the thread check a connection at a given time.
pub(crate) fn look_after(connection: Weak<dyn Watched>, at: Instant) {
    WATCHDOG.look_after(connection, at);
}

static WATCHDOG: Watchdog = Watchdog {
    alarms: Mutex::new(Alarms { by_time: BTreeMap::new(), next: 0, runs: false }),
    changed: Condvar::new(),
};

struct Watchdog {
    alarms: Mutex<Alarms>,
    changed: Condvar,
}

struct Alarms {
    by_time: BTreeMap<(Instant, u64), Weak<dyn Watched>>,
    /// Distinguishes entries for the same instant.
    next: u64,
    /// Whether the thread is running.
    runs: bool,
}

impl Watchdog {
    fn look_after(&'static self, connection: Weak<dyn Watched>, at: Instant) {
        let mut alarms = self.lock();
        let number = alarms.next;
        alarms.next += 1;
        alarms.by_time.insert((at, number), connection);
        let is_first = alarms.by_time.first_key_value().is_some_and(|(key, _)| key.1 == number);
        if !alarms.runs {
            let thread = thread::Builder::new().name("qmp-deadlines".into());
            // Without a thread, deadlines depend on the driver until the next one is set.
            alarms.runs = thread.spawn(|| self.run()).is_ok();
        }
        drop(alarms);
        if is_first {
            self.changed.notify_one();
        }
    }

    fn run(&self) {
        let mut alarms = self.lock();
        loop {
            let now = Instant::now();
            let (wait, idle) = match alarms.by_time.first_key_value() {
                Some(((at, _), _)) if *at <= now => {
                    let connection = alarms.by_time.pop_first().and_then(|(_, it)| it.upgrade());
                    drop(alarms);
                    if let Some(connection) = connection {
                        // The user's wakers may panic when they are dropped.
                        let _ = catch_unwind(AssertUnwindSafe(|| connection.pass_late_deadlines()));
                    }
                    alarms = self.lock();
                    continue;
                }
                Some(((at, _), _)) => (*at - now, false),
                None => (IDLE, true),
            };
            let waited = self.changed.wait_timeout(alarms, wait);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            alarms = guard;
            if idle && timeout.timed_out() && alarms.by_time.is_empty() {
                alarms.runs = false;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
