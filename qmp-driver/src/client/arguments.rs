//! Arguments on their way to being sent.

use std::io;

use qmp_proto::{OwnedArguments, Refusal};
use serde::Serialize;

use crate::Cause;

/// Arguments that are put together member by member, serialized at once and checked at the end.
pub(crate) struct ArgumentsBuilder(
    /// A JSON object without its closing brace, empty for none. Or why it is none.
    Result<Vec<u8>, Refusal>,
);

impl ArgumentsBuilder {
    /// No arguments so far.
    pub(crate) const fn none() -> Self {
        Self(Ok(Vec::new()))
    }

    /// All of these: anything that serializes to an object, or to `null` for none.
    pub(crate) fn of<A: Serialize + ?Sized>(arguments: &A) -> Self {
        let mut text = Text::Short([0; SHORT], 0);
        let written = serde_json::to_writer(&mut text, arguments);
        Self(written.map(|()| open_object(text)).map_err(unserializable))
    }

    /// One more.
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

    /// The whole object, checked; `None` for no arguments.
    ///
    /// # Errors
    ///
    /// If something could not be serialized, or QEMU would not read the whole as one object.
    pub(crate) fn finish(self) -> Result<Option<OwnedArguments>, Cause> {
        let mut text = self.0.map_err(Cause::Refused)?;
        if text.is_empty() {
            return Ok(None);
        }
        // Anything else is refused when it is checked.
        if text.starts_with(b"{") {
            text.push(b'}');
        }
        let text = String::from_utf8(text)
            .map_err(|error| Cause::Refused(Refusal::Unserializable(error.to_string())))?;
        OwnedArguments::parse(text).map(Some).map_err(Cause::Json)
    }
}

impl std::fmt::Debug for ArgumentsBuilder {
    /// Not the arguments: they may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArgumentsBuilder")
    }
}

/// Longer than `null` and `{}`, so that no arguments take no memory.
const SHORT: usize = 8;
/// As much as most arguments need, and as serde_json begins with.
const ROOM: usize = 128;
/// Memory for longer values is not made in advance.
const LONG: usize = 64 * 1024;

/// Text that is being written.
enum Text {
    Short([u8; SHORT], usize),
    Long(Vec<u8>),
}

impl io::Write for Text {
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

/// A member's value that is being written.
struct Member<'t>(&'t mut Vec<u8>);

impl io::Write for Member<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > LONG {
            // The few bytes behind a long value must not double the memory for it.
            self.0.reserve_exact(bytes.len() + ROOM);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open_object(text: Text) -> Vec<u8> {
    let mut json = match text {
        Text::Short(room, length) => match &room[..length] {
            b"null" | b"{}" => return Vec::new(),
            short => short.to_vec(),
        },
        Text::Long(text) => text,
    };
    if json.starts_with(b"{") {
        json.pop();
    }
    json
}

fn unserializable(error: serde_json::Error) -> Refusal {
    Refusal::Unserializable(error.to_string())
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
        assert!(matches!(ArgumentsBuilder::of(&[1]).finish(), Err(Cause::Json(_))));
        let mut twice = ArgumentsBuilder::of(&BTreeMap::from([("x", 1)]));
        twice.add("x", &2);
        assert!(matches!(twice.finish(), Err(Cause::Json(_))));
        let mut keys = ArgumentsBuilder::none();
        keys.add("x", &BTreeMap::from([(vec![1], 1)]));
        keys.add("y", &1);
        assert!(matches!(keys.finish(), Err(Cause::Refused(Refusal::Unserializable(_)))));
    }
}
