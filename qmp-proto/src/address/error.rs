//! The error of text that is not an address.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::Escaped;

/// The text is not an [`Address`](super::Address). The error states what is wrong and what to write
/// instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    reason: String,
}

/// A parsed part of an address, or the reason why the text is not an address.
pub(super) type ParseResult<T> = Result<T, String>;

impl AddressError {
    pub(super) fn new(text: &str, reason: String) -> Self {
        Self { text: text.to_owned(), reason }
    }

    /// Returns the text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is wrong and what to write instead, without the text.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an address: {}", self.text, Escaped(&self.reason))
    }
}

impl core::error::Error for AddressError {}
