//! Waits that end when their future is dropped.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::ErrorKind;
use crate::connection::Connection;
use crate::connection::machine::Machine;
use crate::connection::waits::Awaited;

/// A place among the waits of a connection.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Option<usize>);

impl Waiting {
    /// Waits until `check` returns a value. It is called again after each `awaited` change, and when the
    /// deadline passes.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        connection: &Connection,
        awaited: impl FnOnce() -> Awaited,
        deadline: Option<Instant>,
        check: impl FnOnce(&mut Machine) -> Option<T>,
    ) -> Poll<T> {
        let waker = cx.waker().clone();
        connection.with(|machine, after| {
            if let Some(done) = check(machine) {
                after.stale = Some(waker);
                return Poll::Ready(done);
            }
            match self.0 {
                Some(key) => after.stale = machine.waits.renew(key, waker),
                None => {
                    self.0 = Some(machine.waits.insert(awaited(), deadline, waker));
                    machine.keep(deadline, after);
                }
            }
            Poll::Pending
        })
    }

    pub(crate) fn leave(&mut self, connection: &Connection) {
        if let Some(key) = self.0.take() {
            let wait = connection.lock().waits.remove(key);
            drop(wait);
        }
    }
}

/// A timeout on the timer of a connection's driver, which starts with the first poll.
#[derive(Debug)]
pub(crate) struct Timer {
    connection: Arc<Connection>,
    timeout: Option<Duration>,
    /// The start and the end of the timeout; `None` if it never ends.
    started: Option<(Instant, Option<Instant>)>,
    waiting: Waiting,
}

impl Timer {
    pub(crate) fn new(connection: Arc<Connection>, timeout: Option<Duration>) -> Self {
        Self { connection, timeout, started: None, waiting: Waiting::default() }
    }

    pub(crate) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(crate) const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns an error if the stream does not support deadlines.
    pub(crate) fn refuse(&self) -> Result<(), ErrorKind> {
        self.timeout.map_or(Ok(()), |_| self.connection.refuse_deadline())
    }

    pub(crate) const fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    pub(crate) const fn has_started(&self) -> bool {
        self.started.is_some()
    }

    /// Starts the timer if it is not running.
    pub(crate) fn start(&mut self) -> (Instant, Option<Instant>) {
        *self.started.get_or_insert_with(|| {
            let now = self.connection.lock().now();
            (now, self.timeout.and_then(|timeout| now.checked_add(timeout)))
        })
    }

    /// Returns the time waited once the timeout has passed. After the connection has ended it never passes: the
    /// end wakes the task, which must handle it.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<Duration> {
        let (started, Some(deadline)) = self.start() else {
            return Poll::Pending;
        };
        let key = self.waiting.0;
        let check = |machine: &mut Machine| {
            let expired = key.is_some_and(|key| machine.waits.is_expired(key));
            expired.then(|| machine.now().saturating_duration_since(started))
        };
        self.waiting.poll(cx, &self.connection, || Awaited::Deadline, Some(deadline), check)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.waiting.leave(&self.connection);
    }
}
