//! Timestamps of events.

use core::fmt;

/// The wall-clock time at which an event occurred. Events that a server throttles, such as
/// `RTC_CHANGE`, which it sends once a second at most, arrive later, so timestamps may go
/// backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Timestamp {
    /// Seconds since 1970, or -1 if the server could not read its clock.
    pub seconds: i64,
    /// Microseconds within the second, or -1 if the server could not read its clock.
    pub microseconds: i64,
}

impl Timestamp {
    /// Returns the timestamp for a time in seconds and microseconds since 1970.
    pub const fn new(seconds: i64, microseconds: i64) -> Self {
        Self { seconds, microseconds }
    }

    /// Returns the time since 1970, or `None` if the server could not read its clock.
    pub fn since_epoch(self) -> Option<core::time::Duration> {
        let seconds = u64::try_from(self.seconds).ok()?;
        let microseconds = u32::try_from(self.microseconds).ok().filter(|&it| it < 1_000_000)?;
        Some(core::time::Duration::new(seconds, microseconds * 1000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.seconds, self.microseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn a_failed_clock_has_no_time() {
        assert_eq!(Timestamp::new(-1, -1).since_epoch(), None);
        assert_eq!(Timestamp::new(1, 1_000_000).since_epoch(), None);
        assert_eq!(Timestamp::new(2, 5).since_epoch(), Some(Duration::new(2, 5000)));
        assert_eq!(std::format!("{}", Timestamp::new(1795336229, 599)), "1795336229.000599");
    }
}
