//! What a message tells of its own members.

use crate::redact::names::Member;

/// What is known of the message that a member stands in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    /// Whether `qom-type` names a type of secret objects.
    pub(super) makes_secret: Option<bool>,
    /// Whether `device` is the display that passwords are set of.
    pub(super) is_display: Option<bool>,
    /// Whether a property is named that holds a secret.
    pub(super) names_secret: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Kind {
    /// A part of a message, or a message of no kind that is known.
    #[default]
    Unknown,
    Command(Command),
    /// An answer, an event or a greeting.
    FromServer,
}

/// The commands with members that mean something of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Command {
    Change,
    GuestExec,
    InputSendEvent,
    ObjectAdd,
    QomGet,
    QomSet,
    RingbufRead,
    RingbufWrite,
    SendKey,
    Other,
}

impl Command {
    pub(super) fn named(name: &[u8]) -> Self {
        match name {
            b"change" => Self::Change,
            b"guest-exec" => Self::GuestExec,
            b"input-send-event" => Self::InputSendEvent,
            b"object-add" => Self::ObjectAdd,
            b"qom-get" => Self::QomGet,
            b"qom-set" => Self::QomSet,
            b"ringbuf-read" => Self::RingbufRead,
            b"ringbuf-write" => Self::RingbufWrite,
            b"send-key" => Self::SendKey,
            _ => Self::Other,
        }
    }
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Show,
    Hide(Scope),
    /// The message may yet tell.
    Later,
}

/// What a masked value is to those who repeat it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scope {
    /// A secret, wherever it is repeated.
    Anywhere,
    /// Text that may hold a secret: it is not shown in the answer to the command it came in.
    Answer,
    /// Content, which nobody repeats.
    Nowhere,
}

impl Facts {
    /// Whether the answer to this command is a secret as a whole.
    pub(super) fn hides_answer(&self) -> bool {
        match self.kind {
            Kind::Command(Command::QomGet) => self.names_secret,
            Kind::Command(Command::RingbufRead) => true,
            _ => false,
        }
    }

    /// Judges a member by what is known so far, or by all that will be known.
    pub(super) fn judge(&self, member: Member, complete: bool) -> Verdict {
        use Command::{
            Change, GuestExec, InputSendEvent, ObjectAdd, QomSet, RingbufWrite, SendKey,
        };
        use Verdict::{Hide, Later, Show};

        if self.kind == Kind::FromServer {
            // `value` has its name beside it, and `data` its `qom-type`.
            return match member {
                Member::Value if !complete => Later,
                Member::Data if self.makes_secret == Some(true) => Hide(Scope::Anywhere),
                _ => Show,
            };
        }
        match (member, self.kind) {
            (_, Kind::Unknown) if !complete => Later,
            (Member::Arg, Kind::Command(GuestExec)) => Hide(Scope::Answer),
            (Member::Arg, Kind::Command(Change)) if !complete => Later,
            (Member::Arg, Kind::Command(Change)) if self.is_display == Some(false) => Show,
            (Member::Arg, Kind::Command(Change)) => Hide(Scope::Anywhere),
            (Member::Arg, _) => Hide(Scope::Answer),

            (Member::Data, Kind::Command(RingbufWrite)) => Hide(Scope::Nowhere),
            (Member::Data, _) if !complete => Later,
            (Member::Data, Kind::Command(ObjectAdd) | Kind::Unknown) => match self.makes_secret {
                Some(false) => Show,
                _ => Hide(Scope::Anywhere),
            },
            (Member::Data, _) if self.makes_secret == Some(true) => Hide(Scope::Anywhere),
            (Member::Data, _) => Show,

            (Member::Keys, Kind::Command(SendKey) | Kind::Unknown)
            | (Member::Key, Kind::Command(InputSendEvent) | Kind::Unknown) => Hide(Scope::Nowhere),
            (Member::Keys | Member::Key, _) => Show,

            // An object that names the property was judged when it ended.
            (Member::Value, _) if !complete => Later,
            (Member::Value, Kind::Command(QomSet)) => Hide(Scope::Anywhere),
            (Member::Value, _) => Show,
        }
    }
}
