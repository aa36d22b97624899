//! A line of a recording.

use serde::{Deserialize, Serialize};

/// Bytes sent over the connection, or a change of its state.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Line {
    /// Milliseconds since the connection was made.
    pub(super) t: u64,
    pub(super) dir: Direction,
    #[serde(rename = "hex", with = "hex")]
    pub(super) bytes: Vec<u8>,
    /// The number of file descriptors sent with the bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) fds: usize,
    /// `connect…`, `close` (by the client), `eof` or `reset` (by the server).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Direction {
    #[serde(rename = "c2s")]
    ToServer,
    #[serde(rename = "s2c")]
    ToClient,
}

impl Line {
    /// Returns whether this line begins a new session.
    pub(super) fn begins_a_session(&self, before: &[Self]) -> bool {
        // A recording may lack `connect`: a greeting after the client's `close` begins a new
        // session.
        let greets = self.bytes.starts_with(b"{\"QMP\"");
        self.event.as_deref().is_some_and(|event| event.starts_with("connect"))
            || greets && before.iter().any(Self::is_close)
    }

    /// Returns whether the client closes the connection here.
    pub(super) fn is_close(&self) -> bool {
        self.event.as_deref() == Some("close")
    }

    /// Returns whether the server closes the connection here.
    pub(super) fn is_end(&self) -> bool {
        matches!(self.event.as_deref(), Some("eof" | "reset"))
    }
}

// The signature that serde requires.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(fds: &usize) -> bool {
    *fds == 0
}
