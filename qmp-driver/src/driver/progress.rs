//! What the driver knows between its steps.

/// The progress of one poll.
#[derive(Default)]
pub(super) struct Progress {
    /// The number of bytes read.
    pub(super) read: usize,
    /// Several replies were delivered: their tasks are likely to send at the same time.
    pub(super) several: bool,
    /// The timer is set, or has to be set.
    pub(super) uses_timer: bool,
}

/// How the subscribers are doing. While the driver waits for them, the time until which it does is
/// in `Machine::paused_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscribers {
    KeepUp,
    /// The queue of one of them is nearly full, or was when it was last checked.
    FallBehind,
}

impl Subscribers {
    /// `crowded` is whether a queue was nearly full after a delivery.
    pub(super) fn after_delivery(&mut self, crowded: bool) {
        if crowded {
            *self = Self::FallBehind;
        }
    }
}
