//! What is particular to guest agents: the sync.

use core::fmt;

use crate::json::JsonStr;
use crate::output::{BufferFull, OutputBuffer};
use crate::server::error_reply::ErrorReply;
use crate::server::repeated::Repeated;
use crate::server::ticket::Id;
use crate::server::write::Message;
use crate::server::{Command, Received, Rejection, Server};

pub(super) const SYNC: &str = "guest-sync";
pub(super) const SYNC_DELIMITED: &str = "guest-sync-delimited";

/// Why a sync is refused, in QEMU's words.
enum Refused<'a> {
    NoNumber,
    NoInteger,
    Unexpected(JsonStr<'a>),
}

impl<F> Server<F> {
    /// Takes `guest-sync` and `guest-sync-delimited`.
    pub(super) fn sync<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        command: &Command<'_>,
        id: Option<&Id>,
        bytes: &'b [u8],
    ) -> Result<Received<'b, F>, BufferFull> {
        let number = match number(command) {
            Ok(number) => number,
            Err(refused) => {
                let reason = Rejection::Handshake;
                let error = ErrorReply { id, ..ErrorReply::new(reason, &refused) };
                return self.reject(out, bytes, error);
            }
        };
        let delimited = command.name() == SYNC_DELIMITED;
        let id = id.map(|id| id.as_str());
        Message::Synced { number, delimited, id }.send(out, self.form())?;
        Ok(Received::Synced(number))
    }
}

/// The number to be given back.
fn number<'a>(command: &'a Command<'_>) -> Result<i64, Refused<'a>> {
    let (number, unexpected) = command.parameter("id");
    // A fraction is none, nor is what has an exponent.
    let number = number.ok_or(Refused::NoNumber)?.parse().map_err(|_| Refused::NoInteger)?;
    unexpected.map_or(Ok(number), |name| Err(Refused::Unexpected(name)))
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("Parameter 'id' is missing"),
            Self::NoInteger => f.write_str("Invalid parameter type for 'id', expected: integer"),
            Self::Unexpected(name) => write!(f, "Parameter '{}' is unexpected", Repeated(name)),
        }
    }
}
