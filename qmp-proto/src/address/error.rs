//! What is said of text that is no address.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::Escaped;

/// A text that is not an [`Address`](super::Address): what is wrong with it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    reason: String,
}

/// What is read of a text, or why it is not an address.
pub(super) type Parsed<T> = Result<T, String>;

impl AddressError {
    pub(super) fn new(text: &str, reason: String) -> Self {
        Self { text: text.to_owned(), reason }
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong and what to write instead, without the text.
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
