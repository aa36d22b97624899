//! Success answers.

use core::fmt;

use crate::message::{Body, BodyError, RawJson, show};

/// A success answer, borrowed from the bytes it came in.
///
/// What stands in it has not been looked at yet: [`json`](Self::json) checks it and `decode` (with
/// the feature `serde`) decodes it.
#[derive(Clone, Copy)]
pub struct Reply<'b> {
    pub(crate) body: Body<'b>,
    /// Where the id stands in the message, if it has one.
    pub(crate) id: Option<(usize, usize)>,
}

impl<'b> Reply<'b> {
    /// The value of `return`: `{}` for a command that returns nothing.
    ///
    /// # Errors
    ///
    /// If the server sent something there that is not valid JSON.
    pub fn json(&self) -> Result<RawJson<'b>, BodyError> {
        self.body.json()
    }

    /// The whole message, unchecked, without the line end.
    pub fn message(&self) -> &'b [u8] {
        self.body.message
    }

    pub(crate) fn id_bytes(&self) -> Option<&'b [u8]> {
        self.id.and_then(|(start, end)| self.body.message.get(start..end))
    }
}

/// The beginning of the message, secrets masked; without the feature `alloc`, its length.
impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Reply", self.body.message)
    }
}
