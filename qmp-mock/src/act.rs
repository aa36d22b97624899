//! What the mock does when a command comes, step by step.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qmp_proto::OwnedJson;
use qmp_proto::server::Response;

use crate::ReceivedCommand;

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Emits an event that happens then.
    Event { name: String, data: Option<OwnedJson> },
    /// Emits a whole event of a recording.
    RawEvent(OwnedJson),
    /// Sends bytes as they are.
    Bytes(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Waits until the gate with this number is open.
    Hold(usize),
    /// Answers. With `cut`, only so many bytes of the answer are sent, and the client is hung up on.
    Answer { to: To, answer: Answer, cut: Option<usize> },
    /// Ends a command without an answer.
    LeaveUnanswered(To),
    /// Hangs up, once all that was said before is sent.
    HangUp,
}

/// Which command is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To {
    /// The one that brought this about.
    This,
    /// A recorded one, by its number in the recording.
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
