//! Masking secrets before messages are logged.

mod command;
mod facts;
mod line;
mod marks;
mod messages;
mod names;
mod redactor;
mod scan;
mod secrets;
mod steps;
mod strings;
mod suspicion;
mod text;
mod tokens;

use alloc::borrow::Cow;

pub use messages::{Direction, messages};
pub use redactor::Redactor;
pub use secrets::Secrets;

use scan::Scan;

/// Masks the secrets in messages of QMP or the guest agent, as they are on the wire.
///
/// A secret value of any type is replaced by `"••••"`, and a secret within a text by `••••`.
/// Everything else is returned unchanged, byte for byte. Names are compared without case and
/// separators: `api-key` equals `apiKey`. Strings in apostrophes, an extension of QEMU, are
/// strings, too. Doubtful values are masked.
#[doc = include_str!("table.md")]
///
/// Each message is masked by itself. Use a [`Redactor`] to mask secrets of earlier messages that a
/// server repeats, and [`Secrets`] to mask the secrets of one command in the text of an error.
///
/// This never fails. From the first invalid byte of a message on, the rest is masked, unless it
/// belongs to a reply or an event and contains none of the words for secrets.
///
/// The time is linear in the length, at any depth. If nothing is masked, nothing is copied.
///
/// ```
/// let wire = br#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"abc"}}"#;
/// assert_eq!(
///     String::from_utf8_lossy(&qmp_proto::redact(wire)),
///     r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"••••"}}"#
/// );
/// ```
pub fn redact(wire: &[u8]) -> Cow<'_, [u8]> {
    let marks = Scan::new(wire).run().marks;
    match marks.is_empty() {
        true => Cow::Borrowed(wire),
        false => Cow::Owned(marks.apply(wire)),
    }
}

/// Returns a part of a text, with the secrets of the whole text masked.
#[cfg(feature = "serde")]
pub(crate) fn redact_part(text: &str, part: core::ops::Range<usize>) -> alloc::string::String {
    let marks = Scan::new(text.as_bytes()).run().marks;
    let masked = marks.apply_to_part(text.as_bytes(), part);
    alloc::string::String::from_utf8_lossy(&masked).into_owned()
}

#[cfg(test)]
mod tests;
