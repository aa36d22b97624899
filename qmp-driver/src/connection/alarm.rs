//! The timers that enforce the deadlines of a connection.

use std::time::Instant;

/// The timers of a connection.
///
/// The driver has a timer. Where it may not run while a caller waits, the watchdog thread checks
/// the connection as well.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    pub(super) timer: Option<Timer>,
    pub(super) watchdog: Watchdog,
}

/// The state of the driver's timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    pub(super) at: Instant,
    /// It was set during a handshake. It is set again afterwards, because many connections are idle then
    /// and need no timer.
    pub(super) in_handshake: bool,
}

/// How the watchdog checks the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Watchdog {
    /// It is started when a caller needs it.
    #[default]
    Idle,
    /// It checks the connection at this time.
    Due(Instant),
    /// It is never needed, because the runtime polls the driver on its own threads.
    Unneeded,
}

impl Alarm {
    /// Declares that the runtime polls the driver on its own threads.
    pub(crate) fn needs_no_watchdog(&mut self) {
        self.watchdog = Watchdog::Unneeded;
    }

    /// Returns when the driver's timer expires, if it is set.
    pub(crate) fn timer(&self) -> Option<Instant> {
        self.timer.map(|timer| timer.at)
    }
}
