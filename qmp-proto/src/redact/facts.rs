//! Facts about a message that determine how its members are masked.

use crate::redact::names::Member;

/// The known facts about the message of a member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    /// Whether `qom-type` is a type of secret objects.
    pub(super) makes_secret: Option<bool>,
    /// Whether `device` is the display whose password can be set.
    pub(super) is_display: Option<bool>,
    /// Whether the message contains the name of a secret property.
    pub(super) names_secret: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Kind {
    /// A part of a message, or a message of an unknown kind.
    #[default]
    Unknown,
    Command(Command),
    /// A reply, an event or a greeting.
    FromServer,
}

/// The commands with members of a special meaning.
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

/// How a member is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Show,
    Hide(Scope),
    /// A later member may decide.
    Later,
}

/// Where repetitions of a masked value are masked, too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scope {
    /// In all later messages, because it is a secret.
    Anywhere,
    /// In the reply to its command, because it may contain a secret.
    Answer,
    /// Nowhere, because it is content that is not repeated.
    Nowhere,
}

impl Facts {
    /// Returns whether the whole reply to this command is a secret.
    pub(super) fn hides_answer(&self) -> bool {
        match self.kind {
            Kind::Command(Command::QomGet) => self.names_secret,
            Kind::Command(Command::RingbufRead) => true,
            _ => false,
        }
    }

    /// Decides how a member is shown, by the facts known so far or, if `complete`, by all facts.
    pub(super) fn judge(&self, member: Member, complete: bool) -> Verdict {
        use Command::{
            Change, GuestExec, InputSendEvent, ObjectAdd, QomSet, RingbufWrite, SendKey,
        };
        use Verdict::{Hide, Later, Show};

        if self.kind == Kind::FromServer {
            // The name of a `value` and the `qom-type` of `data` are in the same object.
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

            // An object with the name of the property was decided at its end.
            (Member::Value, _) if !complete => Later,
            (Member::Value, Kind::Command(QomSet)) => Hide(Scope::Anywhere),
            (Member::Value, _) => Show,
        }
    }
}
