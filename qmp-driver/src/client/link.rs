//! The state that a client keeps over all its connections.

use std::fmt;
use std::future::Future;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::{CloseReason, Error, ErrorKind};
use qmp_proto::Address;

use crate::connection::Connection;
use crate::connection::machine::{AfterUnlock, Machine};
use crate::connection::settings::Settings;
use crate::sync::{Mutex, MutexGuard};
use crate::{Driver, Transport};

/// The current connection, and what is needed to make another.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    /// A reconnection is in progress.
    reconnecting: AtomicBool,
}

#[derive(Debug)]
struct State {
    connection: Arc<Connection>,
    origin: Option<Arc<dyn Origin>>,
    timeout: Option<Duration>,
}

/// The address that the client connected to, and how to connect again.
pub(crate) trait Origin: Send + Sync {
    fn address(&self) -> &Address;

    fn connect(&self) -> Connecting;

    /// Spawns the driver of the next connection.
    fn spawn_driver(&self, driver: Driver);

    /// Spawns a task that connects.
    fn spawn(&self, task: Task);
}

impl fmt::Debug for dyn Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(self.address()).finish()
    }
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) type Connecting =
    Pin<Box<dyn Future<Output = Result<Arc<dyn Transport>, Error>> + Send>>;

impl Link {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        let timeout = connection.settings.timeout;
        let state = Mutex::new(State { connection, origin: None, timeout });
        Self { state, reconnecting: AtomicBool::new(false) }
    }

    /// Returns whether the caller may reconnect, because no other reconnection is in progress.
    pub(crate) fn begin_reconnecting(&self) -> bool {
        !self.reconnecting.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_reconnecting(&self) -> bool {
        self.reconnecting.load(Ordering::Acquire)
    }

    pub(crate) fn end_reconnecting(&self) {
        self.reconnecting.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.lock().connection)
    }

    /// Ends the current connection immediately.
    pub(crate) fn abort(&self) {
        let connection = self.connection();
        let transport = connection.lock().transport.clone();
        connection.end(CloseReason::ByUs);
        if let Some(transport) = transport {
            transport.shutdown(Shutdown::Both);
        }
    }

    /// Returns the default deadline of a command.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.lock().timeout
    }

    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) {
        self.lock().timeout = timeout;
    }

    pub(crate) fn origin(&self) -> Option<Arc<dyn Origin>> {
        self.lock().origin.clone()
    }

    pub(crate) fn set_origin(&self, origin: Arc<dyn Origin>) {
        self.lock().origin = Some(origin);
    }

    /// Replaces a connection that has ended by a new one. Subscriptions continue and are notified.
    pub(crate) fn replace(
        &self,
        machine: Machine,
        settings: Arc<Settings>,
        peer: &str,
    ) -> Result<Arc<Connection>, Error> {
        let mut after = AfterUnlock::default();
        let mut state = self.lock();
        let last = Arc::clone(&state.connection);
        if !last.has_ended() {
            drop(state);
            return Err(last.error(ErrorKind::StillConnected));
        }
        let (number, common) = (last.number + 1, Arc::clone(&last.common));
        let next = Connection::new(machine, number, common, settings, peer);
        state.connection = Arc::clone(&next);
        next.common.bus.begin(number, &mut after.wakers);
        drop(state);
        // Tasks that watch the state of the old connection then find the new one.
        last.lock().waits.wake_watchers(&mut after.wakers);
        after.run();
        Ok(next)
    }
}
