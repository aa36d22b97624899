//! The right to answer a command.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::message::RawJson;
use crate::output::{FixedOutput, NoDescriptor, OutputBuffer};
use crate::server::write::{Numbers, lay_out_compact};

/// Ids up to this length need no allocation: numbers, UUIDs in quotes.
const SHORT: usize = 38;

/// The right, and the duty, to answer one command.
///
/// [`Server::answer`](crate::server::Server::answer) takes it, so a command cannot be answered
/// twice; in which order tickets are used is up to the caller. It holds the command's id and the
/// descriptor that came with it, and borrows nothing, so it can go to another task and come back.
///
/// One that is dropped leaves its command unanswered, and goes on counting as in flight: use
/// [`Server::leave_unanswered`](crate::server::Server::leave_unanswered) where that is meant.
#[must_use = "a command must be answered, or left unanswered on purpose"]
pub struct Ticket<F = NoDescriptor> {
    pub(super) id: Option<Id>,
    /// Which in-band command it is; none if it is run out of band.
    pub(super) number: Option<u64>,
    pub(super) descriptor: Option<F>,
}

impl<F> Ticket<F> {
    /// The command's id as the answer will carry it, if it has one: the same value, written the
    /// way QEMU writes it (`1.0` as `1`).
    pub fn id(&self) -> Option<RawJson<'_>> {
        self.id.as_ref().map(|id| RawJson::trusted(id.as_str()))
    }

    /// Whether the command is run out of band.
    pub const fn is_out_of_band(&self) -> bool {
        self.number.is_none()
    }

    /// The descriptor that came with the command.
    pub const fn descriptor(&self) -> Option<&F> {
        self.descriptor.as_ref()
    }

    /// Takes the descriptor that came with the command.
    ///
    /// One that is not taken goes on to the next command, unless another has come meanwhile, as in
    /// QEMU.
    pub fn take_descriptor(&mut self) -> Option<F> {
        self.descriptor.take()
    }
}

impl<F> fmt::Debug for Ticket<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("id", &self.id())
            .field("out_of_band", &self.is_out_of_band())
            .field("descriptor", &self.descriptor.is_some())
            .finish()
    }
}

/// An id, written as it will be echoed.
#[derive(Clone)]
pub(super) enum Id {
    Short { text: [u8; SHORT], length: u8 },
    Long(Box<str>),
}

impl Id {
    /// Writes JSON the way QEMU writes the value it means.
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
    fn an_id_keeps_its_value_whatever_its_length() {
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
