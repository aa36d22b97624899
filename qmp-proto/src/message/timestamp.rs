//! When an event happened.

use core::fmt;

/// The wall-clock time at which an event was made, not delivered: events that a server holds back
/// (at most one `RTC_CHANGE` a second, say) arrive late with their first stamp, so stamps may go
/// backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Timestamp {
    /// Seconds since 1970; -1 when the server could not read its clock.
    pub seconds: i64,
    /// Microseconds within the second; -1 when the server could not read its clock.
    pub microseconds: i64,
}

impl Timestamp {
    /// A time in seconds and microseconds since 1970.
    pub const fn new(seconds: i64, microseconds: i64) -> Self {
        Self { seconds, microseconds }
    }

    /// The time since 1970, unless the server could not read its clock.
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
    fn a_clock_that_failed_gives_no_time() {
        assert_eq!(Timestamp::new(-1, -1).since_epoch(), None);
        assert_eq!(Timestamp::new(1, 1_000_000).since_epoch(), None);
        assert_eq!(Timestamp::new(2, 5).since_epoch(), Some(Duration::new(2, 5000)));
        assert_eq!(std::format!("{}", Timestamp::new(1795336229, 599)), "1795336229.000599");
    }
}
