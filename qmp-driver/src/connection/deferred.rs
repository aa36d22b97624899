//! Futures that the driver completes after they were dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};

use crate::connection::Connection;
use crate::connection::handover::{Adopted, Held, WithDeadline};
use crate::connection::machine::Machine;

/// The futures that the driver polls.
#[derive(Default)]
pub(crate) struct Deferred {
    futures: Vec<WithDeadline>,
}

impl Connection {
    /// Passes a future to the driver. It is dropped if the connection has ended.
    pub(crate) fn adopt(&self, future: Adopted) {
        let refused = self.with(|machine, after| {
            if machine.lifecycle.ended.is_some() {
                return Some(future);
            }
            let deadline = machine.now().checked_add(self.settings.handshake_timeout);
            machine.handover.push(future, deadline);
            machine.wake_driver(after);
            None
        });
        drop(refused);
    }
}

impl Deferred {
    /// Drops the futures that will not be polled again. They may own the client, which owns them.
    pub(crate) fn discard(connection: &Connection) {
        let adopted = connection.lock().handover.take();
        drop(adopted);
    }

    /// Takes over new futures.
    pub(crate) fn take_over(&mut self, machine: &mut Machine) {
        let new = machine.handover.take();
        if !new.is_empty() {
            self.futures.extend(new);
            machine.handover.set_held(self.held());
        }
    }

    /// Polls the futures, and drops those that completed, panicked or took too long.
    ///
    /// Their commands are accepted although the connection is closing.
    pub(crate) fn poll(&mut self, connection: &Connection, cx: &mut Context<'_>) {
        if self.futures.is_empty() {
            return;
        }
        let now = {
            let mut machine = connection.lock();
            machine.handover.set_held(Held::Polled);
            machine.now()
        };
        self.futures.retain_mut(|(future, deadline)| {
            let mut poll = || future.as_mut().poll(cx).is_pending();
            let goes_on = catch_unwind(AssertUnwindSafe(&mut poll)).unwrap_or(false);
            goes_on && deadline.is_none_or(|deadline| now < deadline)
        });
        connection.lock().handover.set_held(self.held());
    }

    /// Polls the futures a last time, because their commands failed with the connection, and drops them.
    pub(crate) fn finish(&mut self, connection: &Connection) {
        self.take_over(&mut connection.lock());
        self.poll(connection, &mut Context::from_waker(Waker::noop()));
        self.futures.clear();
    }

    /// Returns whether no future is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    fn held(&self) -> Held {
        match self.futures.is_empty() {
            true => Held::Nothing,
            false => Held::Until(self.futures.iter().filter_map(|(_, deadline)| *deadline).min()),
        }
    }
}
