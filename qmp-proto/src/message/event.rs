//! Events.

use core::fmt;

use crate::message::{Body, BodyError, RawJson, show};

/// An event, borrowed from the received bytes.
#[derive(Clone, Copy)]
pub struct Event<'b> {
    /// Valid UTF-8.
    pub(crate) name: &'b [u8],
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) message: &'b [u8],
    pub(crate) data: Option<Body<'b>>,
}

impl<'b> Event<'b> {
    /// Returns the name, such as `STOP` or `DEVICE_DELETED`.
    ///
    /// Escapes are not resolved, because no server escapes characters of a name.
    pub fn name(&self) -> &'b str {
        core::str::from_utf8(self.name).unwrap_or_default()
    }

    /// Returns the time of the event. All versions of QEMU send it; some other servers do not.
    pub const fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Returns the data, or `None` for events without data, such as `STOP`.
    ///
    /// It is an object, except from proxies that send JSON in a string.
    ///
    /// # Errors
    ///
    /// If the data is not valid JSON.
    pub fn data(&self) -> Result<Option<RawJson<'b>>, BodyError> {
        self.data.map(|data| data.json()).transpose()
    }

    /// Returns the whole message, not validated, without the line end.
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }
}

/// Shows the start of the message with secrets masked, or only its length without the feature
/// `alloc`.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Event", self.message)
    }
}

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
