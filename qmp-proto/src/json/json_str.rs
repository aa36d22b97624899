//! A JSON string as it is on the wire.

use core::fmt::{self, Write};

use super::string::Unescaped;
use crate::Escaped;

/// The content of a JSON string, still escaped, borrowed from its message.
///
/// `Display`, comparisons and [`chars`](Self::chars) resolve the escapes, without an allocator.
/// Half a surrogate pair is read as U+FFFD. The displayed text may contain control characters: wrap
/// it in [`Escaped`] to print it.
///
/// ```
/// # use qmp_proto::JsonStr;
/// let text = JsonStr::new(r"a\tb");
/// assert_eq!(text, "a\tb");
/// assert_eq!(text.to_string(), "a\tb");
/// assert_eq!(text.escaped(), r"a\tb");
/// ```
#[derive(Clone, Copy, Default)]
pub struct JsonStr<'a>(&'a str);

impl<'a> JsonStr<'a> {
    /// Wraps the content of a JSON string, without its quotes.
    pub const fn new(escaped: &'a str) -> Self {
        Self(escaped)
    }

    /// Returns the text as it is on the wire.
    pub const fn escaped(self) -> &'a str {
        self.0
    }

    /// Returns the text if it contains no escapes.
    pub fn as_str(self) -> Option<&'a str> {
        memchr::memchr(b'\\', self.0.as_bytes()).is_none().then_some(self.0)
    }

    /// Returns the characters, with escapes resolved.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        Unescaped::new(self.0)
    }
}

impl PartialEq for JsonStr<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.chars().eq(other.chars())
    }
}

impl Eq for JsonStr<'_> {}

impl PartialEq<str> for JsonStr<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<&str> for JsonStr<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for JsonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(plain) => f.pad(plain),
            None => self.chars().try_for_each(|char| f.write_char(char)),
        }
    }
}

impl fmt::Debug for JsonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0))
    }
}
