//! The sync of guest agents.

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

/// The error of a sync, in QEMU's words.
enum SyncError<'a> {
    NoNumber,
    NoInteger,
    Unexpected(JsonStr<'a>),
}

impl Server {
    /// Handles `guest-sync` and `guest-sync-delimited`.
    pub(super) fn sync<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        command: &Command<'_>,
        id: Option<&Id>,
        bytes: &'b [u8],
    ) -> Result<Received<'b>, BufferFull> {
        let number = match number(command) {
            Ok(number) => number,
            Err(error) => {
                let reason = Rejection::Handshake;
                let error = ErrorReply { id, ..ErrorReply::new(reason, &error) };
                return self.reject(out, bytes, error);
            }
        };
        let delimited = command.name() == SYNC_DELIMITED;
        let id = id.map(|id| id.as_str());
        Message::Synced { number, delimited, id }.send(out, self.form())?;
        Ok(Received::Synced(number))
    }
}

/// Returns the number to be sent back.
fn number<'a>(command: &'a Command<'_>) -> Result<i64, SyncError<'a>> {
    let (number, unexpected) = command.parameter("id");
    // A number with a fraction or an exponent is not an integer.
    let number = number.ok_or(SyncError::NoNumber)?.parse().map_err(|_| SyncError::NoInteger)?;
    unexpected.map_or(Ok(number), |name| Err(SyncError::Unexpected(name)))
}

impl fmt::Display for SyncError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("Parameter 'id' is missing"),
            Self::NoInteger => f.write_str("Invalid parameter type for 'id', expected: integer"),
            Self::Unexpected(name) => write!(f, "Parameter '{}' is unexpected", Repeated(name)),
        }
    }
}
