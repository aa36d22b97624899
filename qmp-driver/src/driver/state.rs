//! The state of the driver between its steps.

/// The state of the timer.
pub(super) struct TimerState {
    /// The timer is in use.
    pub(super) is_wanted: bool,
    /// The timer has expired and was not handled yet.
    pub(super) rang: bool,
    /// The handshake was in progress when the timer was last set.
    pub(super) shaking: bool,
}

impl TimerState {
    pub(super) const fn new() -> Self {
        Self { is_wanted: true, rang: false, shaking: true }
    }
}

/// The progress of one poll.
#[derive(Default)]
pub(super) struct Progress {
    /// The number of bytes read.
    pub(super) read: usize,
    /// Several replies were delivered: their tasks are likely to send at the same time.
    pub(super) several: bool,
}
