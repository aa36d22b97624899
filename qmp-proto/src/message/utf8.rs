//! Bytes that should be UTF-8.

use core::ops::Range;
use core::str::Utf8Error;

/// Bytes that came in: known to be UTF-8, or not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Utf8<'b> {
    // Only those who keep events find it out for all of one at once.
    Known(&'b str),
    Unknown(&'b [u8]),
}

impl<'b> Utf8<'b> {
    pub(crate) const fn bytes(self) -> &'b [u8] {
        match self {
            Self::Known(text) => text.as_bytes(),
            Self::Unknown(bytes) => bytes,
        }
    }

    pub(crate) fn text(self) -> Result<&'b str, Utf8Error> {
        match self {
            Self::Known(text) => Ok(text),
            Self::Unknown(bytes) => core::str::from_utf8(bytes),
        }
    }

    /// A part of it; nothing if it is not there.
    pub(crate) fn get(self, range: Range<usize>) -> Self {
        match self {
            Self::Known(text) => Self::Known(text.get(range).unwrap_or_default()),
            Self::Unknown(bytes) => Self::Unknown(bytes.get(range).unwrap_or_default()),
        }
    }
}
