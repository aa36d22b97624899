//! Tickets for replies to commands.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::message::RawJson;
use crate::output::{FixedOutput, OutputBuffer};
use crate::server::write::{Numbers, lay_out_compact};

/// The length up to which ids need no allocation, such as numbers and UUIDs in quotes.
const SHORT: usize = 38;

/// A ticket for the reply to one command.
///
/// [`Server::answer`](crate::server::Server::answer) consumes it, so a command is answered only
/// once. Tickets can be used in any order. A ticket contains the command's id. It borrows nothing, so
/// it can be sent to another task.
///
/// If a ticket is dropped, its command stays in flight. Use
/// [`Server::leave_unanswered`](crate::server::Server::leave_unanswered) to end a command without a
/// reply.
#[must_use = "answer the command, or call `leave_unanswered`"]
pub struct Ticket {
    pub(super) id: Option<Id>,
    /// The number of an in-band command; `None` for an out-of-band one.
    pub(super) number: Option<u64>,
}

impl Ticket {
    /// Returns the command's id as it will be in the reply: the same value in QEMU's format (`1.0`
    /// as `1`).
    pub fn id(&self) -> Option<RawJson<'_>> {
        self.id.as_ref().map(|id| RawJson::trusted(id.as_str()))
    }

    /// Returns whether the command is executed out of band.
    pub const fn is_out_of_band(&self) -> bool {
        self.number.is_none()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("id", &self.id())
            .field("out_of_band", &self.is_out_of_band())
            .finish()
    }
}

/// An id in the format of the reply.
#[derive(Clone)]
pub(super) enum Id {
    Short { text: [u8; SHORT], length: u8 },
    Long(Box<str>),
}

impl Id {
    /// Converts JSON to QEMU's format of the same value.
    pub(super) fn new(json: &str) -> Self {
        let mut text = [0; SHORT];
        let mut short = FixedOutput::new(&mut text);
        if lay_out_compact(&mut short, json, Numbers::ByValue).is_ok() {
            let length = short.length() as u8;
            return Self::Short { text, length };
        }
        let mut long = Vec::new();
        // A vector is never full.
        let _ = lay_out_compact(&mut long, json, Numbers::ByValue);
        Self::Long(alloc::string::String::from_utf8(long).unwrap_or_default().into())
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Short { text, length } => {
                core::str::from_utf8(&text[..usize::from(*length)]).unwrap_or_default()
            }
            Self::Long(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn ids_of_any_length_keep_their_value() {
        for length in 0..100 {
            let json = std::format!("\"{}\"", "x".repeat(length));
            assert_eq!(Id::new(&json).as_str(), json);
        }
        assert_eq!(Id::new("{\"a\":[1.0,-0]}").as_str(), "{\"a\": [1, 0]}");
        let deep = "[".repeat(1023) + &"]".repeat(1023);
        assert_eq!(Id::new(&deep).as_str(), deep);
        assert_eq!(Id::new("\"é\\/\"").as_str(), String::from("\"\\u00E9/\""));
    }
}
