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
/// A secret value becomes `"••••"`, whatever its type; in a text, the part that is a secret becomes
/// `••••`. Everything else is returned unchanged, byte for byte. Names are compared without case and
/// separators: `api-key` equals `apiKey`. Strings in apostrophes, a QEMU extension, count as strings.
/// Doubtful values are masked.
#[doc = include_str!("table.md")]
///
/// Each message is masked by itself. Use a [`Redactor`] to mask what a server repeats of earlier
/// messages of a connection, and [`Secrets`] to mask the secrets of one command in an error's text.
///
/// This never fails. Where a message cannot be understood, the rest of it is masked, unless it
/// belongs to an answer or an event and nothing in it looks like a secret.
///
/// The time is linear in the length, whatever the depth. Nothing is copied if there is nothing to
/// mask.
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
