//! Where a reply stands in the bytes that it is borrowed from.

use alloc::vec::Vec;
use core::ops::Range;

use crate::message::owned_event::offset;
use crate::message::{OwnedReply, Reply};

/// Where a [`Reply`] stands in the input that it is borrowed from.
///
/// It borrows nothing, so the input's memory can be given away for the reply:
/// [`InputBuffer::take_reply`](crate::InputBuffer::take_reply).
#[derive(Clone, Debug)]
pub struct ReplyPlace {
    pub(crate) message: Range<usize>,
    /// In the message.
    value: Range<usize>,
    id: Option<(usize, usize)>,
}

impl Reply<'_> {
    /// Where it stands in this input; `None` if it is borrowed from elsewhere.
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
    /// The reply that stands there, whose bytes are these.
    pub(crate) fn reply(self, message: Vec<u8>) -> OwnedReply {
        OwnedReply::of(message, self.value, self.id)
    }
}
