//! What the driver remembers from one step to the next.

/// What it knows of its timer.
pub(super) struct Clock {
    /// Somebody waits for it, or it is set.
    pub(super) is_wanted: bool,
    /// It has rung, and nothing was done about it yet.
    pub(super) rang: bool,
    /// The handshake was under way when it was set last.
    pub(super) shaking: bool,
}

impl Clock {
    pub(super) const fn new() -> Self {
        Self { is_wanted: true, rang: false, shaking: true }
    }
}

/// What one poll has done so far.
#[derive(Default)]
pub(super) struct Progress {
    /// How many bytes were read.
    pub(super) read: usize,
    /// Several answers were handed out: those who got them are likely to send at the same time.
    pub(super) several: bool,
}
