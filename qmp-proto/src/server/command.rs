//! Commands of clients.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::json::{JsonStr, MAX_DEPTH, Members};
use crate::message::RawJson;

/// A command, borrowed from the input unless it had to be rewritten.
#[derive(Clone)]
pub struct Command<'b> {
    pub(super) message: Cow<'b, str>,
    pub(super) name: Name,
    pub(super) arguments: Option<(usize, usize)>,
    pub(super) out_of_band: bool,
}

/// The name, without quotes.
#[derive(Clone)]
pub(super) enum Name {
    /// The range in the message.
    At(usize, usize),
    /// A name that contained escapes.
    Unescaped(String),
}

impl<'b> Command<'b> {
    /// Returns the name of the command, which may be any text.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::At(start, end) => &self.message[*start..*end],
            Name::Unescaped(name) => name,
        }
    }

    /// Returns the arguments, an object without duplicate members.
    pub fn arguments(&self) -> Option<RawJson<'_>> {
        self.arguments.map(|(start, end)| RawJson::trusted(&self.message[start..end]))
    }

    /// Returns whether the client requested out-of-band execution (`exec-oob`), which it can do
    /// after enabling `oob`. Such a command is executed immediately, in parallel with in-band
    /// commands. Reply with an error if the command does not support it.
    pub const fn is_out_of_band(&self) -> bool {
        self.out_of_band
    }

    /// Returns the whole message. Extensions of QEMU to JSON, such as strings in apostrophes, are
    /// rewritten as JSON. Pass it to [`RawMessage`](crate::RawMessage) to forward it.
    pub fn message(&self) -> RawJson<'_> {
        RawJson::trusted(&self.message)
    }

    /// Copies the command, so that it can outlive the input.
    pub fn into_owned(self) -> Command<'static> {
        let Self { message, name, arguments, out_of_band } = self;
        Command { message: message.into_owned().into(), name, arguments, out_of_band }
    }

    /// Checks the arguments and decodes them as a typed command. Missing arguments are decoded as
    /// `{}`. The name is not checked.
    ///
    /// # Errors
    ///
    /// If the arguments are not those of the command. The error has QEMU's words; reply with it to
    /// the client.
    #[cfg(feature = "serde")]
    pub fn typed<'a, C>(&'a self) -> Result<C, crate::ArgumentError>
    where
        C: crate::Command + serde::Deserialize<'a>,
    {
        let arguments = self.arguments().unwrap_or(RawJson::trusted("{}"));
        C::check_arguments(arguments)?;
        arguments.decode().map_err(crate::ArgumentError::of_decoding)
    }

    /// Decodes the arguments, up to [`DECODE_DEPTH`](crate::DECODE_DEPTH) levels. Missing arguments
    /// are decoded as `{}`. The value may borrow from the command.
    ///
    /// # Errors
    ///
    /// If the arguments are not a `T`, or have more levels. Reply with an error text of your own;
    /// [`typed`](Self::typed) returns QEMU's.
    #[cfg(feature = "serde")]
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, crate::DecodeError> {
        self.arguments().unwrap_or(RawJson::trusted("{}")).decode()
    }
}

impl Command<'_> {
    /// Returns the value of the only parameter of the command, and the name of an unexpected one.
    pub(super) fn parameter(&self, name: &'static str) -> (Option<&str>, Option<JsonStr<'_>>) {
        let (mut value, mut unexpected) = (None, None);
        let arguments = self.arguments.map_or("{}", |(start, end)| &self.message[start..end]);
        let mut members = Members::new(arguments.as_bytes(), MAX_DEPTH);
        // The arguments are a valid object.
        while let Ok(Some(member)) = members.next() {
            let name_end = member.name_at + 1 + member.name.len();
            let member_name = JsonStr::new(&arguments[member.name_at + 1..name_end]);
            if member_name == name {
                value = Some(&arguments[member.at..member.at + member.value.len()]);
            } else {
                unexpected = unexpected.or(Some(member_name));
            }
        }
        (value, unexpected)
    }
}

impl fmt::Debug for Command<'_> {
    /// Omits the arguments, which can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name())
            .field("out_of_band", &self.out_of_band)
            .finish_non_exhaustive()
    }
}
