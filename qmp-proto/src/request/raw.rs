//! Complete messages of the caller.

use core::fmt;

use crate::json::{JsonError, JsonErrorKind, MAX_DEPTH, Members, Strict, skip_blanks, walk_value};
use crate::message::RawJson;

/// In `,"id":0`.
const TOKENS_OF_ID: usize = 4;

/// A complete message of the caller, which is sent unchanged except for its id.
///
/// For tools that forward input of a user or messages of another client. The id, which may be any
/// JSON value or missing, is replaced by an id of the client, so that the reply is matched.
/// `OwnedReply::message_with_id` restores the caller's id.
///
/// Other members are not checked: a server refuses unknown ones with an error reply that has the
/// id.
///
/// ```
/// use qmp_proto::RawMessage;
///
/// let message = RawMessage::parse(r#"{"execute": "stop", "id": {"mine": 1}}"#)?;
/// assert_eq!(message.id().map(|id| id.as_str()), Some(r#"{"mine": 1}"#));
/// # Ok::<(), qmp_proto::JsonError>(())
/// ```
#[derive(Clone, Copy)]
pub struct RawMessage<'a> {
    /// The members before and after the id, without the outermost braces and the commas at the id.
    before: &'a str,
    after: &'a str,
    id: Option<RawJson<'a>>,
    name: &'a str,
    out_of_band: bool,
}

impl<'a> RawMessage<'a> {
    /// Validates a message.
    ///
    /// # Errors
    ///
    /// If the text is not one object that QEMU reads correctly.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let bytes = text.as_bytes();
        let start = skip_blanks(bytes, 0);
        if bytes.get(start).is_some_and(|&byte| byte != b'{') {
            return Err(JsonError::new(JsonErrorKind::NotAnObject, start));
        }
        let mut rules = Strict::inside(TOKENS_OF_ID);
        let end = walk_value(bytes, start, MAX_DEPTH, &mut rules)?;
        let rest = skip_blanks(bytes, end);
        match text.get(start..end) {
            Some(object) if rest == bytes.len() => Self::split(object),
            _ => Err(JsonError::new(JsonErrorKind::Trailing, rest)),
        }
    }

    fn split(text: &'a str) -> Result<Self, JsonError> {
        let part = |start, end| text.get(start..end).unwrap_or_default();
        let closing_brace = text.len() - 1;
        let mut raw = Self {
            before: trim(part(1, closing_brace)),
            after: "",
            id: None,
            name: "",
            out_of_band: false,
        };
        let (mut execute, mut out_of_band) = (None, None);
        let mut members = Members::new(text.as_bytes(), MAX_DEPTH);
        while let Some(member) = members.next()? {
            let end = member.at + member.value.len();
            let value = part(member.at, end);
            match member.name_among(&["id", "execute", "exec-oob"]) {
                b"id" => {
                    raw.id = Some(RawJson::parse(value)?);
                    raw.before = trim(part(1, member.name_at));
                    raw.after = trim(part(end, closing_brace));
                }
                b"execute" => execute = Some(value),
                b"exec-oob" => out_of_band = Some(value),
                _ => {}
            }
        }
        // QEMU queues a message with both members, and refuses it in its turn.
        raw.out_of_band = out_of_band.is_some() && execute.is_none();
        raw.name = execute.or(out_of_band).unwrap_or_default().trim_matches('"');
        Ok(raw)
    }

    /// Returns the caller's id.
    pub const fn id(&self) -> Option<RawJson<'a>> {
        self.id
    }

    /// Returns the name of the command, or an empty string if there is none.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Returns whether the message requests out-of-band execution.
    pub const fn is_out_of_band(&self) -> bool {
        self.out_of_band
    }

    pub(crate) const fn around_id(&self) -> (&'a [u8], &'a [u8]) {
        (self.before.as_bytes(), self.after.as_bytes())
    }
}

/// Omits the arguments, which can contain secrets.
impl fmt::Debug for RawMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMessage")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("out_of_band", &self.out_of_band)
            .finish_non_exhaustive()
    }
}

fn trim(members: &str) -> &str {
    members.trim_matches([' ', '\t', '\r', '\n', ','])
}
