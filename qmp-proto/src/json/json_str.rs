//! A JSON string as it stands on the wire.

use core::fmt::{self, Write};

use super::string::Unescaped;
use crate::Escaped;

/// The inside of a JSON string, still escaped, borrowed from the message it came in.
///
/// It shows itself, compares and is searched unescaped, without an allocator; half a surrogate pair
/// reads as U+FFFD. What it shows may hold characters that a terminal obeys: to print it, wrap it in
/// [`Escaped`].
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
    /// Takes the inside of a JSON string, without its quotes.
    pub const fn new(escaped: &'a str) -> Self {
        Self(escaped)
    }

    /// As it stands on the wire.
    pub const fn escaped(self) -> &'a str {
        self.0
    }

    /// The text itself, if nothing in it is escaped.
    pub fn as_str(self) -> Option<&'a str> {
        memchr::memchr(b'\\', self.0.as_bytes()).is_none().then_some(self.0)
    }

    /// The characters it means.
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
