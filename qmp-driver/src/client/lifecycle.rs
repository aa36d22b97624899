//! The state of a connection, and closing it.

use std::fmt;
use std::future::poll_fn;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::{CloseReason, Error, ErrorKind};
use qmp_proto::SendErrorKind;

use crate::Client;
use crate::client::link::Link;
use crate::connection::Connection;
use crate::connection::lifecycle::{Closing, Failed, Handshake};
use crate::connection::machine::Machine;
use crate::connection::waiting::Waiting;
use crate::connection::waits::Awaited;

/// The state of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// The handshake is in progress, for the first time or after a reconnection. Commands wait for
    /// it.
    Connecting,
    /// Commands can be sent.
    Ready,
    /// No more commands are accepted. Commands that were sent are still answered.
    Closing,
    /// The connection has ended.
    Closed(CloseReason),
}

impl State {
    pub(crate) fn of(machine: &Machine) -> Self {
        match &machine.lifecycle {
            lifecycle if lifecycle.ended.is_some() => {
                Self::Closed(lifecycle.ended.clone().unwrap_or(CloseReason::ByUs))
            }
            lifecycle if lifecycle.closing.is_some() => Self::Closing,
            _ if machine.is_ready() => Self::Ready,
            _ => Self::Connecting,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Client {
    /// Returns the state of the connection.
    pub fn state(&self) -> State {
        State::of(&self.connection().lock())
    }

    /// Waits until the state differs from `known`, and returns it.
    ///
    /// Short-lived states may be missed. Cancel-safe.
    pub async fn state_after(&self, known: &State) -> State {
        self.watch(|machine| {
            let state = State::of(machine);
            (!state.is_same(known)).then_some(state)
        })
        .await
    }

    /// Waits until the handshake completes.
    ///
    /// Cancel-safe: the handshake continues.
    ///
    /// # Errors
    ///
    /// Returns an error if the server refuses the handshake, does not answer before the deadline,
    /// or closes the connection.
    pub async fn ready(&self) -> Result<(), Error> {
        self.watch(|machine| match &machine.lifecycle {
            lifecycle if lifecycle.ended.is_some() => {
                let ended = lifecycle.ended.clone();
                Some(Err(self.failed(lifecycle.failed.as_deref().cloned(), ended)))
            }
            _ if machine.is_ready() => Some(Ok(())),
            _ => None,
        })
        .await
    }

    /// Syncs with the agent again, for example after a deadline has passed. Commands without a
    /// reply by then never get one, and commands that are sent meanwhile wait.
    ///
    /// Cancel-safe: the sync continues.
    ///
    /// # Errors
    ///
    /// Returns an error if the peer is a monitor, or if the agent does not answer before the
    /// deadline of the handshake.
    pub async fn sync(&self) -> Result<(), Error> {
        let connection = self.connection();
        if !connection.settings.agent {
            return Err(connection.error(ErrorKind::NotSent(SendErrorKind::OtherDialect)));
        }
        connection.with(|machine, after| {
            let vital =
                machine.lifecycle.handshake.as_deref().is_some_and(|handshake| handshake.vital);
            if machine.lifecycle.ended.is_none() {
                let waited = connection.settings.handshake_timeout;
                let handshake = Handshake::begin(machine.now(), waited, true, vital);
                machine.lifecycle.handshake = Some(Box::new(handshake));
                machine.wake_driver(after);
            }
        });
        self.watch(|machine| match &machine.lifecycle {
            lifecycle if lifecycle.handshake.is_some() => None,
            lifecycle if lifecycle.ended.is_none() && lifecycle.failed.is_none() => Some(Ok(())),
            lifecycle => {
                let ended = lifecycle.ended.clone();
                Some(Err(self.failed(lifecycle.failed.as_deref().cloned(), ended)))
            }
        })
        .await
    }

    /// Waits until every command that was sent is answered, and ends the connection. No further
    /// commands are accepted, and commands that wait for a free slot are not sent.
    ///
    /// Cancel-safe: closing continues.
    ///
    /// # Errors
    ///
    /// Returns an error if this takes longer than the deadline of the handshake (10 seconds by
    /// default). The connection has then ended, too.
    pub async fn close(&self) -> Result<(), Error> {
        let connection = self.connection();
        let waited = connection.settings.handshake_timeout;
        close(&connection, true);
        let late = self.watch(|machine| {
            let ended = machine.lifecycle.ended.is_some();
            ended.then_some(machine.lifecycle.closed_late)
        });
        if late.await {
            let advice = String::new();
            let error = connection.error(ErrorKind::NoReply { waited, advice });
            return Err(error.in_command("close"));
        }
        Ok(())
    }

    /// Ends the connection immediately. The outcome of commands without a reply is unknown.
    pub fn abort(&self) {
        self.link().abort();
    }

    /// Returns a handle that aborts the connection without keeping it open.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(Arc::clone(self.link()))
    }

    /// Waits for the end of the connection and returns its reason.
    ///
    /// Cancel-safe.
    pub async fn closed(&self) -> CloseReason {
        self.watch(|machine| machine.lifecycle.ended.clone()).await
    }

    pub(crate) async fn watch<T>(&self, mut check: impl FnMut(&mut Machine) -> Option<T>) -> T {
        let mut watch = Watch::new(self.link());
        // Closing and handshakes have deadlines.
        watch.connection.with(|machine, after| machine.keep(machine.lifecycle.deadline(), after));
        poll_fn(|cx| watch.poll(cx, &mut check)).await
    }

    fn failed(&self, failed: Option<Failed>, ended: Option<CloseReason>) -> Error {
        let connection = self.connection();
        match failed {
            Some(Failed::Refused(failure)) => {
                connection.error(ErrorKind::HandshakeRefused(failure))
            }
            Some(Failed::Silent { waited, advice }) => {
                connection.error(ErrorKind::HandshakeTimeout { waited, advice })
            }
            None => connection.disconnected(ended, false),
        }
    }
}

/// A handle that aborts the connection of a client from any task or thread.
///
/// It does not keep the connection open, and is cheap to clone.
#[derive(Clone)]
pub struct AbortHandle(Arc<Link>);

impl AbortHandle {
    /// Ends the client's current connection immediately. The outcome of commands without a reply is
    /// unknown.
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("peer", &self.0.connection().peer).finish()
    }
}

/// Waits for a change of the client's current connection.
struct Watch<'l> {
    link: &'l Link,
    connection: Arc<Connection>,
    waiting: Waiting,
}

impl<'l> Watch<'l> {
    fn new(link: &'l Link) -> Self {
        Self { link, connection: link.connection(), waiting: Waiting::default() }
    }

    fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        mut check: impl FnMut(&mut Machine) -> Option<T>,
    ) -> Poll<T> {
        loop {
            let current = self.link.connection();
            if !Arc::ptr_eq(&current, &self.connection) {
                self.waiting.leave(&self.connection);
                self.connection = Arc::clone(&current);
            }
            let awaited = || Awaited::State;
            if let Poll::Ready(done) = self.waiting.poll(cx, &current, awaited, None, &mut check) {
                return Poll::Ready(done);
            }
            // A connection that was replaced before this wait was registered does not wake it.
            if Arc::ptr_eq(&current, &self.link.connection()) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.waiting.leave(&self.connection);
    }
}

/// Begins to close the connection, unless that has already begun.
///
/// The write half is shut down here if there is nothing left to write: it may take long until the
/// driver is polled, and the server serves its next client only after it has read the end.
pub(crate) fn close(connection: &Connection, answers: bool) {
    let written = connection.with(|machine, after| {
        if machine.lifecycle.closing.is_some() || machine.lifecycle.ended.is_some() {
            return None;
        }
        let now: Instant = machine.now();
        machine.lifecycle.closing = Some(Closing {
            deadline: now.checked_add(connection.settings.handshake_timeout),
            // An agent exits if its client is gone when it sends a reply.
            answers: answers || connection.settings.agent,
            lingers: false,
        });
        machine.offer(usize::MAX, after);
        machine.waits.wake_watchers(&mut after.wakers);
        machine.wake_driver(after);
        machine.keep(machine.lifecycle.deadline(), after);
        let written = machine.has_finished() && machine.writing.unsent() == 0;
        written.then(|| machine.transport.clone()).flatten()
    });
    if let Some(transport) = written {
        transport.shutdown(Shutdown::Write);
    }
}
