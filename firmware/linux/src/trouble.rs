//! Why the session failed.

use core::fmt;

use qmp_proto::{DecodeError, ProtocolError, SendErrorKind};
use rustix::io::Errno;

pub(crate) enum Trouble {
    System(Errno),
    Refused(SendErrorKind),
    Protocol(ProtocolError),
    Decode(DecodeError),
}

impl From<Errno> for Trouble {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

impl From<SendErrorKind> for Trouble {
    fn from(refusal: SendErrorKind) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ProtocolError> for Trouble {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(f, "the system says {error}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
        }
    }
}
