//! Finding the parts of a message, with members in any order.

use crate::json::{
    JsonError, JsonErrorKind, Lenient, MAX_DEPTH, Member, Members, skip_blanks, walk_value,
};

/// The members whose values are bodies.
const BODIES: &[&[u8]] = &[b"return", b"data"];

const KNOWN: &[&str] = &["QMP", "return", "error", "event", "data", "timestamp", "id"];

/// The known members, raw.
#[derive(Default)]
pub(crate) struct Parts<'b> {
    pub(super) greeting: Option<Member<'b>>,
    pub(super) success: Option<Member<'b>>,
    pub(super) error: Option<Member<'b>>,
    pub(super) event: Option<Member<'b>>,
    pub(super) data: Option<Member<'b>>,
    pub(super) timestamp: Option<Member<'b>>,
    pub(super) id: Option<Member<'b>>,
}

impl<'b> Parts<'b> {
    /// Reads a text that is exactly one object. The values of `return` and `data` are not
    /// validated.
    ///
    /// Fills the value in place, because a copy would take a tenth of a microcontroller's stack.
    pub(crate) fn read(&mut self, text: &'b [u8], depth: usize) -> Result<(), JsonError> {
        core::str::from_utf8(text)
            .map_err(|error| JsonError::new(JsonErrorKind::Utf8, error.valid_up_to()))?;
        let mut members = Members::new(text, depth.min(MAX_DEPTH));
        while let Some(member) = members.next_unchecked(BODIES)? {
            let part = match member.name_among(KNOWN) {
                b"QMP" => &mut self.greeting,
                b"return" => &mut self.success,
                b"error" => &mut self.error,
                b"event" => &mut self.event,
                b"data" => &mut self.data,
                b"timestamp" => &mut self.timestamp,
                b"id" => &mut self.id,
                _ => continue,
            };
            if part.replace(member).is_some() {
                return Err(JsonError::new(JsonErrorKind::DuplicateMember, member.at));
            }
        }
        let rest = skip_blanks(text, members.end());
        if rest < text.len() {
            return Err(JsonError::new(JsonErrorKind::Trailing, rest));
        }
        Ok(())
    }

    /// Validates `return` and `data` in messages in which they are not the body.
    pub(super) fn check_all_but_the_body(&self, text: &[u8]) -> Result<(), JsonError> {
        let (success, data) = match (self.greeting, self.success, self.error, self.event) {
            (None, Some(_), None, None) => (None, self.data),
            (None, None, None, Some(_)) => (None, None),
            _ => (self.success, self.data),
        };
        for member in success.into_iter().chain(data) {
            walk_value(text, member.at, MAX_DEPTH, &mut Lenient)?;
        }
        Ok(())
    }

    /// Returns whether this range is the body of a reply or an event, and the rest is valid.
    pub(crate) fn has_body(&self, text: &[u8], start: usize, end: usize) -> bool {
        let body = match (self.greeting, self.success, self.error, self.event) {
            (None, success, None, None) => success,
            (None, None, None, Some(_)) => self.data,
            _ => None,
        };
        body.is_some_and(|body| body.at == start && body.at + body.value.len() == end)
            && self.check_all_but_the_body(text).is_ok()
    }
}
