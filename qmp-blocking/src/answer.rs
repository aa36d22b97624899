//! Where answers wait for whoever asked.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use qmp_proto::{Ending, OwnedFailure, OwnedReply};

/// What became of a command that was sent.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(OwnedReply),
    Failure(OwnedFailure),
    None(Ending),
}

/// A place for one answer, held by whoever waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Arc<Mutex<Option<Answer>>>);

/// The way to that place, held by the connection. When nobody waits any more it leads nowhere, and
/// the answer is dropped.
#[derive(Debug)]
pub(crate) struct Token(Weak<Mutex<Option<Answer>>>);

impl Place {
    pub(crate) fn token(&self) -> Token {
        Token(Arc::downgrade(&self.0))
    }

    pub(crate) fn take(&self) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Token {
    pub(crate) fn settle(self, answer: Answer) {
        if let Some(place) = self.0.upgrade() {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        }
    }
}
