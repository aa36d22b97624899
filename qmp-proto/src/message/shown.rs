//! Messages in errors and in `Debug`.

use core::fmt;

/// The maximum number of bytes of a message that are shown.
#[cfg(feature = "alloc")]
const MOST: usize = 256;

/// Displays the start of a message with secrets masked, and escaped as by
/// [`EscapedBytes`](crate::EscapedBytes). Masking needs an allocator; without one, only the length
/// is shown.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'m>(pub(crate) &'m [u8]);

impl fmt::Display for Shown<'_> {
    #[cfg(feature = "alloc")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.0.get(..MOST).unwrap_or(self.0);
        let more = if head.len() < self.0.len() { "…" } else { "" };
        write!(f, "{}{more}", crate::EscapedBytes(&crate::redact(head)))
    }

    #[cfg(not(feature = "alloc"))]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes a message as `name(…)`.
pub(crate) fn show(f: &mut fmt::Formatter<'_>, name: &str, message: &[u8]) -> fmt::Result {
    write!(f, "{name}({})", Shown(message))
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn the_start_of_a_message_is_shown_without_secrets_and_control_characters() {
        let text = "{\"return\": {\"a\": \"\u{9b}31m\", \"password\": \"x\"}}";
        let shown = "{\"return\": {\"a\": \"\\u{9b}31m\", \"password\": \"••••\"}}";
        assert_eq!(Shown(text.as_bytes()).to_string(), shown);
        let long = format!("{{\"return\": \"{}\"}}", "x".repeat(999));
        let shown = Shown(long.as_bytes()).to_string();
        assert!(shown.len() < 300 && shown.ends_with("x…"), "{shown}");
        let cut = format!("{{\"return\": [\"{}\", \"https://me:hunter2@x\"]}}", "x".repeat(220));
        let shown = Shown(cut.as_bytes()).to_string();
        assert!(shown.ends_with("\"••••\"…"), "{shown}");
    }
}
