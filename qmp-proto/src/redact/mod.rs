//! Secrets are masked before a log sees a message.

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
/// The value becomes `"••••"`, whatever it was; in a text, the part of it that is a secret becomes
/// `••••`. All else stays as it is, byte for byte. Names are compared without regard to case and
/// separators: `api-key` is `apiKey`. Strings in apostrophes, QEMU's own, count as strings. When in
/// doubt, it masks.
#[doc = include_str!("table.md")]
///
/// It knows one message. What a server repeats of an earlier one is masked by a [`Redactor`], which
/// knows the messages of a connection, and by [`Secrets`], which know those of one command.
///
/// It never fails. Where a message cannot be understood, the rest of it is masked unless it belongs
/// to an answer or event and nothing in it looks like a secret.
///
/// One pass: the time grows with the length alone. Nothing is copied when there is nothing to mask.
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

/// A part of a text, without the secrets of the whole.
#[cfg(feature = "serde")]
pub(crate) fn redact_part(text: &str, part: core::ops::Range<usize>) -> alloc::string::String {
    let marks = Scan::new(text.as_bytes()).run().marks;
    let masked = marks.apply_to_part(text.as_bytes(), part);
    alloc::string::String::from_utf8_lossy(&masked).into_owned()
}

#[cfg(test)]
mod tests;
