//! A deadline that several waits share.

use std::time::{Duration, Instant};

/// A deadline, or none.
///
/// Several waits in a row (name lookup, connecting, greeting) share one deadline, whereas a timeout
/// would restart with each of them.
///
/// ```
/// use std::time::Duration;
/// use qmp_sockets::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(10));
/// assert!(deadline.remaining().unwrap() <= Duration::from_secs(10));
/// assert!(!deadline.expired());
/// assert_eq!(Deadline::NEVER.remaining(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No deadline.
    pub const NEVER: Self = Self(None);

    /// Creates a deadline after `timeout`. If that is too far away for the clock, there is no
    /// deadline.
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    /// Returns the point in time, or `None` if there is no deadline.
    pub fn instant(self) -> Option<Instant> {
        self.0
    }

    /// Returns the time left: zero if the deadline has passed, `None` if there is no deadline.
    pub fn remaining(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Returns whether the deadline has passed.
    pub fn expired(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Some(at))
    }
}

impl From<Option<Instant>> for Deadline {
    fn from(at: Option<Instant>) -> Self {
        Self(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_expires_and_then_leaves_no_time() {
        let passed = Deadline::from(Instant::now());
        assert!(passed.expired());
        assert_eq!(passed.remaining(), Some(Duration::ZERO));
        assert!(!Deadline::after(Duration::from_secs(60)).expired());
    }

    #[test]
    fn a_timeout_beyond_the_clock_means_never() {
        assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
        assert!(!Deadline::NEVER.expired());
    }
}
