//! Futures on their way to the driver.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// A future that was dropped before it completed.
pub(crate) type Adopted = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future and the time at which it is dropped.
pub(crate) type WithDeadline = (Adopted, Option<Instant>);

/// The futures that the driver completes, as far as they are known under the lock.
#[derive(Default)]
pub(crate) struct Handover {
    /// The futures that the driver has not taken over yet.
    new: Vec<WithDeadline>,
    driver: Held,
}

/// The futures that the driver has taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Held {
    #[default]
    Nothing,
    /// Futures, the first of which is dropped at this time.
    Until(Option<Instant>),
    /// Futures that are being polled. Their commands are accepted although the connection is closing.
    Polled,
}

impl Handover {
    /// Returns whether the driver has no future to complete.
    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.driver == Held::Nothing
    }

    /// Returns whether the driver is polling such futures.
    pub(crate) fn is_polled(&self) -> bool {
        self.driver == Held::Polled
    }

    /// Returns when the driver drops the next future.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        match self.driver {
            Held::Until(deadline) => deadline,
            Held::Nothing | Held::Polled => None,
        }
    }

    pub(crate) fn push(&mut self, future: Adopted, deadline: Option<Instant>) {
        self.new.push((future, deadline));
    }

    /// Returns the futures that the driver has not taken over yet.
    pub(crate) fn take(&mut self) -> Vec<WithDeadline> {
        std::mem::take(&mut self.new)
    }

    /// Stores the state of the driver's futures.
    pub(crate) fn set_held(&mut self, held: Held) {
        self.driver = held;
    }
}
