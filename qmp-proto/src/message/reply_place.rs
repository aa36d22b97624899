//! The position of a reply in the input.

use alloc::vec::Vec;
use core::ops::Range;

use crate::message::owned_event::offset;
use crate::message::{OwnedReply, Reply};

/// The position of a [`Reply`] in the input that it borrows from.
///
/// It borrows nothing, so [`InputBuffer::take_reply`](crate::InputBuffer::take_reply) can move the
/// input's memory into the reply.
#[derive(Clone, Debug)]
pub struct ReplyPlace {
    pub(crate) message: Range<usize>,
    /// The range in the message.
    value: Range<usize>,
    id: Option<(usize, usize)>,
}

impl Reply<'_> {
    /// Returns the position of the reply in this input, or `None` if it borrows from elsewhere.
    pub fn place_in(&self, input: &[u8]) -> Option<ReplyPlace> {
        let message = self.message();
        let start = offset(input, message)?;
        Some(ReplyPlace {
            message: start..start + message.len(),
            value: self.body.start..self.body.end,
            id: self.id,
        })
    }
}

impl ReplyPlace {
    /// Returns the reply with these bytes.
    pub(crate) fn reply(self, message: Vec<u8>) -> OwnedReply {
        OwnedReply::of(message, self.value, self.id)
    }
}
