//! Events.

use core::fmt;

use crate::message::{Body, BodyError, RawJson, Timestamp, show};

/// An event, borrowed from the bytes it came in.
#[derive(Clone, Copy)]
pub struct Event<'b> {
    /// UTF-8.
    pub(crate) name: &'b [u8],
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) message: &'b [u8],
    pub(crate) data: Option<Body<'b>>,
}

impl<'b> Event<'b> {
    /// Its name, `STOP` or `DEVICE_DELETED` say.
    ///
    /// As it stands on the wire: no server escapes anything in a name.
    pub fn name(&self) -> &'b str {
        core::str::from_utf8(self.name).unwrap_or_default()
    }

    /// When it was made. Every QEMU says; absent only from servers that do not.
    pub const fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// What it carries: absent for events that carry nothing, such as `STOP`.
    ///
    /// An object, except behind proxies that pass on a string of JSON.
    ///
    /// # Errors
    ///
    /// If the server sent something there that is not valid JSON.
    pub fn data(&self) -> Result<Option<RawJson<'b>>, BodyError> {
        self.data.map(|data| data.json()).transpose()
    }

    /// The whole message, unchecked, without the line end.
    pub const fn message(&self) -> &'b [u8] {
        self.message
    }
}

/// The beginning of the message, secrets masked; without the feature `alloc`, its length.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Event", self.message)
    }
}
