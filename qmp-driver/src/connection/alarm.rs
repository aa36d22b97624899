//! What enforces the deadlines of a connection, and when next.

use std::time::Instant;

/// What is set to enforce the deadlines.
///
/// The driver has a timer. Where it may not run while a caller waits, the watchdog thread checks
/// the connection as well.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    pub(super) timer: Option<Timer>,
    pub(super) watchdog: Watchdog,
}

/// What the driver's timer is set to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    pub(super) at: Instant,
    /// It was set during a handshake. After that it is set again, because many connections are idle
    /// then and need no timer.
    pub(super) in_handshake: bool,
}

/// Whether the watchdog checks the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Watchdog {
    /// It is asked to when a caller needs it.
    #[default]
    Idle,
    /// It does so at this time.
    Due(Instant),
    /// It is never needed, because the runtime polls the driver with threads of its own.
    Unneeded,
}

impl Alarm {
    /// Declares that the runtime polls the driver with threads of its own.
    pub(crate) fn needs_no_watchdog(&mut self) {
        self.watchdog = Watchdog::Unneeded;
    }

    /// Returns when the driver's timer expires, if it is set.
    pub(crate) fn timer(&self) -> Option<Instant> {
        self.timer.map(|timer| timer.at)
    }
}
