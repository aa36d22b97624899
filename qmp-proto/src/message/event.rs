//! Events.

use core::fmt;

use crate::message::{Body, BodyError, RawJson, Timestamp, show};

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
