//! Success replies.

use core::fmt;

use crate::message::{Body, BodyError, RawJson, show};

/// A success reply, borrowed from the received bytes.
///
/// Its value is not validated yet: [`json`](Self::json) validates it, and `decode` (with the
/// feature `serde`) decodes it.
#[derive(Clone, Copy)]
pub struct Reply<'b> {
    pub(crate) body: Body<'b>,
    /// The range of the id in the message, if it has one.
    pub(crate) id: Option<(usize, usize)>,
}

impl<'b> Reply<'b> {
    /// Returns the value of `return`, which is `{}` for a command that returns nothing.
    ///
    /// # Errors
    ///
    /// If the value is not valid JSON.
    pub fn json(&self) -> Result<RawJson<'b>, BodyError> {
        self.body.json()
    }

    /// Returns the whole message, not validated, without the line end.
    pub fn message(&self) -> &'b [u8] {
        self.body.message
    }

    pub(crate) fn id_bytes(&self) -> Option<&'b [u8]> {
        self.id.and_then(|(start, end)| self.body.message.get(start..end))
    }
}

/// Shows the start of the message with secrets masked, or only its length without the feature
/// `alloc`.
impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Reply", self.body.message)
    }
}
