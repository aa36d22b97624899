//! The steps that the mock takes when a command arrives.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qmp_proto::OwnedRawJson;
use qmp_proto::server::Response;

use crate::ReceivedCommand;

/// One step of a rule or a recording.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Emits an event with the current time.
    Event { name: String, data: Option<OwnedRawJson> },
    /// Emits a recorded event unchanged.
    RawEvent(OwnedRawJson),
    /// Sends bytes unchanged.
    Bytes(Vec<u8>),
    /// Waits for a duration.
    Wait(Duration),
    /// Waits until the gate with this number is open.
    Hold(usize),
    /// Sends the reply. With `cut`, sends only that many bytes of it and closes the connection.
    Answer { to: To, answer: Answer, cut: Option<usize> },
    /// Finishes a command without a reply.
    LeaveUnanswered(To),
    /// Closes the connection after all earlier output is sent.
    HangUp,
}

/// The command that a step refers to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To {
    /// The command that triggered the step.
    This,
    /// A recorded command, by its number in the recording.
    Recorded(usize),
}

#[derive(Clone)]
pub(crate) enum Answer {
    Ready(Response<'static>),
    Computed(Compute),
}

pub(crate) type Compute = Arc<Mutex<dyn FnMut(&ReceivedCommand) -> Response<'static> + Send>>;

impl Act {
    pub(crate) const fn answer(response: Response<'static>) -> Self {
        Self::Answer { to: To::This, answer: Answer::Ready(response), cut: None }
    }

    pub(crate) const fn ends_the_command(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::LeaveUnanswered(_) | Self::HangUp)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(response) => f.debug_tuple("Ready").field(response).finish(),
            Self::Computed(_) => f.write_str("Computed"),
        }
    }
}
