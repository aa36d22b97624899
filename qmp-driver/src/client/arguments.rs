//! The arguments of a command.

use std::io;

use qmp_proto::{OwnedArguments, SendErrorKind};
use serde::Serialize;

use crate::ErrorKind;
use crate::client::duplicate::refused;

/// Arguments that are added member by member. Each is serialized immediately, and the result is
/// checked at the end.
pub(crate) struct ArgumentsBuilder(
    /// A JSON object without its closing brace, empty for no arguments; or the first error.
    Result<Vec<u8>, SendErrorKind>,
);

impl ArgumentsBuilder {
    /// Creates arguments without members.
    pub(crate) const fn none() -> Self {
        Self(Ok(Vec::new()))
    }

    /// Creates arguments from a value that serializes to an object, or to `null` for no arguments.
    pub(crate) fn of<A: Serialize + ?Sized>(arguments: &A) -> Self {
        let mut text = ArgumentsText::Short([0; SHORT], 0);
        let written = serde_json::to_writer(&mut text, arguments);
        Self(written.map(|()| open_object(text)).map_err(unserializable))
    }

    /// Adds a member.
    pub(crate) fn add<A: Serialize + ?Sized>(&mut self, name: &str, value: &A) {
        let Ok(text) = &mut self.0 else {
            return;
        };
        text.push(if text.is_empty() { b'{' } else { b',' });
        let written = serde_json::to_writer(&mut *text, name).and_then(|()| {
            text.push(b':');
            serde_json::to_writer(Member(text), value)
        });
        if let Err(error) = written {
            self.0 = Err(unserializable(error));
        }
    }

    /// Returns the checked object; `None` for no arguments.
    ///
    /// # Errors
    ///
    /// Returns an error if a value could not be serialized, or if QEMU would not accept the result
    /// as one object.
    pub(crate) fn finish(self) -> Result<Option<OwnedArguments>, ErrorKind> {
        let mut text = self.0.map_err(ErrorKind::NotSent)?;
        if text.is_empty() {
            return Ok(None);
        }
        // Anything else is rejected by the check.
        if text.starts_with(b"{") {
            text.push(b'}');
        }
        let text = String::from_utf8(text).map_err(|error| {
            ErrorKind::NotSent(SendErrorKind::Unserializable(error.to_string()))
        })?;
        OwnedArguments::try_new(text).map(Some).map_err(|(error, text)| refused(error, &text))
    }
}

impl std::fmt::Debug for ArgumentsBuilder {
    /// Omits the arguments, which may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArgumentsBuilder")
    }
}

/// The size of the inline buffer: enough for `null` and `{}`, which then need no allocation.
const SHORT: usize = 8;
/// The capacity that suffices for most arguments, and that serde_json starts with.
const ROOM: usize = 128;
/// The capacity above which no memory is reserved in advance.
const LONG: usize = 64 * 1024;

/// Text that is being written.
enum ArgumentsText {
    Short([u8; SHORT], usize),
    Long(Vec<u8>),
}

impl io::Write for ArgumentsText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Long(text) => text.extend_from_slice(bytes),
            Self::Short(room, length) => match room.get_mut(*length..*length + bytes.len()) {
                Some(place) => {
                    place.copy_from_slice(bytes);
                    *length += bytes.len();
                }
                None => {
                    let mut text = Vec::with_capacity(ROOM.max(*length + bytes.len()));
                    text.extend_from_slice(&room[..*length]);
                    text.extend_from_slice(bytes);
                    *self = Self::Long(text);
                }
            },
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The value of a member that is being written.
struct Member<'t>(&'t mut Vec<u8>);

impl io::Write for Member<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > LONG {
            // Reserves exactly: a few bytes after a long value must not double its memory.
            self.0.reserve_exact(bytes.len() + ROOM);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open_object(text: ArgumentsText) -> Vec<u8> {
    let mut json = match text {
        ArgumentsText::Short(room, length) => match &room[..length] {
            b"null" | b"{}" => return Vec::new(),
            short => short.to_vec(),
        },
        ArgumentsText::Long(text) => text,
    };
    if json.starts_with(b"{") {
        json.pop();
    }
    json
}

fn unserializable(error: serde_json::Error) -> SendErrorKind {
    SendErrorKind::Unserializable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn text(arguments: ArgumentsBuilder) -> Option<String> {
        Some(arguments.finish().unwrap()?.as_arguments().as_str().to_owned())
    }

    #[test]
    fn members_are_added_to_what_is_there() {
        assert_eq!(text(ArgumentsBuilder::none()), None);
        assert_eq!(text(ArgumentsBuilder::of(&())), None);
        let mut arguments = ArgumentsBuilder::of(&BTreeMap::from([("x", 1)]));
        arguments.add("a\"b", &[1, 2]);
        assert_eq!(text(arguments).unwrap(), r#"{"x":1,"a\"b":[1,2]}"#);
    }

    #[test]
    fn what_is_no_object_or_has_a_member_twice_is_refused() {
        assert!(matches!(ArgumentsBuilder::of(&[1]).finish(), Err(ErrorKind::Json(_))));
        let mut twice = ArgumentsBuilder::of(&BTreeMap::from([("x", 1)]));
        twice.add("x", &2);
        assert!(matches!(twice.finish(), Err(ErrorKind::DuplicateMember { name }) if name == "x"));
        let mut keys = ArgumentsBuilder::none();
        keys.add("x", &BTreeMap::from([(vec![1], 1)]));
        keys.add("y", &1);
        assert!(matches!(keys.finish(), Err(ErrorKind::NotSent(SendErrorKind::Unserializable(_)))));
    }
}
