//! Commands of clients.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::json::{JsonStr, MAX_DEPTH, Members};
use crate::message::RawJson;

/// A command, borrowed from the bytes it came in unless it had to be rewritten.
///
/// [`into_owned`](Self::into_owned) makes one that can outlive them.
#[derive(Clone)]
pub struct Command<'b> {
    pub(super) message: Cow<'b, str>,
    pub(super) name: Name,
    pub(super) arguments: Option<(usize, usize)>,
    pub(super) out_of_band: bool,
}

/// The name, without its quotes.
#[derive(Clone)]
pub(super) enum Name {
    /// Where it stands in the message.
    At(usize, usize),
    /// It had escapes in it, which no command's name needs.
    Unescaped(String),
}

impl<'b> Command<'b> {
    /// The command's name. Any text at all, as the client chose it.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::At(start, end) => &self.message[*start..*end],
            Name::Unescaped(name) => name,
        }
    }

    /// The arguments: an object, or nothing. No member in it is there twice.
    pub fn arguments(&self) -> Option<RawJson<'_>> {
        self.arguments.map(|(start, end)| RawJson::trusted(&self.message[start..end]))
    }

    /// Whether it is to be run at once, beside the in-band commands that wait (`exec-oob`). Clients
    /// can ask for that only when `oob` is enabled; a command that cannot be run so is answered
    /// with an error.
    pub const fn is_out_of_band(&self) -> bool {
        self.out_of_band
    }

    /// The whole message, as it came unless QEMU's own additions to JSON stood in it: strings in
    /// apostrophes, say. They are rewritten. [`RawMessage`](crate::RawMessage) takes it to send it
    /// on.
    pub fn message(&self) -> RawJson<'_> {
        RawJson::trusted(&self.message)
    }

    /// The command with bytes of its own.
    pub fn into_owned(self) -> Command<'static> {
        let Self { message, name, arguments, out_of_band } = self;
        Command { message: message.into_owned().into(), name, arguments, out_of_band }
    }

    /// Checks the arguments and decodes them as those of a typed command; none count as `{}`. The
    /// name is not looked at.
    ///
    /// # Errors
    ///
    /// If they are not what the command takes: in QEMU's words, to be told to the client.
    #[cfg(feature = "serde")]
    pub fn typed<'a, C>(&'a self) -> Result<C, crate::ArgumentError>
    where
        C: crate::Command + serde::Deserialize<'a>,
    {
        let arguments = self.arguments().unwrap_or(RawJson::trusted("{}"));
        C::check_arguments(arguments)?;
        arguments.decode().map_err(crate::ArgumentError::of_decoding)
    }

    /// Decodes the arguments, which may borrow from this; none count as `{}`. Down to
    /// [`DECODE_DEPTH`](crate::DECODE_DEPTH) levels.
    ///
    /// # Errors
    ///
    /// If they are not a `T`, or have more levels. To be told to the client, in words of your own;
    /// [`typed`](Self::typed) has QEMU's.
    #[cfg(feature = "serde")]
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, crate::DecodeError> {
        self.arguments().unwrap_or(RawJson::trusted("{}")).decode()
    }
}

impl Command<'_> {
    /// The value of the only parameter that the command takes, and the name of another that it
    /// does not.
    pub(super) fn parameter(&self, name: &'static str) -> (Option<&str>, Option<JsonStr<'_>>) {
        let (mut value, mut unexpected) = (None, None);
        let arguments = self.arguments.map_or("{}", |(start, end)| &self.message[start..end]);
        let mut members = Members::new(arguments.as_bytes(), MAX_DEPTH);
        // It is known to be an object.
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
    /// Not the arguments: they may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name())
            .field("out_of_band", &self.out_of_band)
            .finish_non_exhaustive()
    }
}
