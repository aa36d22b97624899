//! Reconnecting a client.

use std::sync::{Arc, PoisonError};

use crate::client::link::{Link, Origin};
use crate::connection::machine::{AfterUnlock, Machine};
use crate::sync::{Mutex, MutexGuard};
use crate::{Client, Driver, Error, ErrorKind, Transport};

impl Client {
    /// Connects again to the same address with the same settings, after the connection has ended,
    /// and spawns the driver.
    ///
    /// [Persistent subscriptions](crate::SubscriptionBuilder::subscribe_persistent) continue, and
    /// yield [`Reconnected`](crate::PersistentItem::Reconnected); other subscriptions have ended.
    /// Nothing is sent again: commands in flight have failed, and their errors state whether they
    /// may have been executed. Events between the two connections are lost: query the state that
    /// they would have reported.
    ///
    /// If the connection has not ended, or if another task is reconnecting, this waits until the
    /// connection is ready.
    ///
    /// ```no_run
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let reason = qemu.closed().await;
    /// eprintln!("{}: {reason}", qemu.peer());
    /// qemu.reconnect().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel-safe: connecting continues in a task of its own. A future that is not polled does not
    /// delay others that reconnect.
    ///
    /// # Errors
    ///
    /// Returns an error if nothing listens at the address or if the handshake fails; the call can
    /// then be repeated. Returns [`ErrorKind::NoAddress`] if the client was not made by connecting to
    /// an address: see [`Builder::reconnecting`](crate::Builder::reconnecting).
    pub async fn reconnect(&self) -> Result<(), Error> {
        if let Some(right) = self.right_to_reconnect().await {
            let failure = self.start_reconnecting(right)?;
            let failed = self.watch(|machine| match machine.lifecycle.ended {
                None => Some(None),
                Some(_) => match lock(&failure).take() {
                    Some(error) => Some(Some(error)),
                    None => (!self.link().is_reconnecting()).then_some(None),
                },
            });
            if let Some(error) = failed.await {
                return Err(error);
            }
        }
        self.ready().await
    }

    /// Returns `None` if there is a connection.
    async fn right_to_reconnect(&self) -> Option<Right> {
        self.watch(|machine| match machine.lifecycle.ended {
            None => Some(None),
            Some(_) if self.link().begin_reconnecting() => {
                Some(Some(Right(Arc::clone(self.link()))))
            }
            Some(_) => None,
        })
        .await
    }

    /// Connects in a task of its own, because this one may be dropped, or held without being polled.
    fn start_reconnecting(&self, right: Right) -> Result<Failure, Error> {
        let last = self.connection();
        let origin = self.link().origin().ok_or_else(|| last.error(ErrorKind::NoAddress))?;
        let failure = Failure::default();
        let (client, report) = (self.downgrade(), Arc::clone(&failure));
        let connecting = origin.connect();
        let continuing = Arc::clone(&origin);
        origin.spawn(Box::pin(async move {
            let connected = connecting.await;
            match (client.upgrade(), connected) {
                (Some(client), Ok(transport)) => client.continue_on(&*continuing, transport),
                // No client needs the connection any more.
                (None, _) => {}
                (Some(_), Err(error)) => *lock(&report) = Some(error),
            }
            drop(right);
        }));
        Ok(failure)
    }

    fn continue_on(&self, origin: &dyn Origin, transport: Arc<dyn Transport>) {
        let settings = Arc::clone(&self.connection().settings);
        let machine = settings.machine(Arc::clone(&transport), false);
        // If a `Builder` has reconnected the client meanwhile, that connection is used.
        if let Ok(connection) =
            self.link().replace(machine, settings, &origin.address().to_string())
        {
            origin.spawn_driver(Driver::new(connection, transport));
        }
    }
}

/// The error of an attempt, for the task that started it.
type Failure = Arc<Mutex<Option<Error>>>;

fn lock(failure: &Failure) -> MutexGuard<'_, Option<Error>> {
    failure.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to reconnect, which one attempt has at a time.
struct Right(Arc<Link>);

impl Drop for Right {
    fn drop(&mut self) {
        self.0.end_reconnecting();
        let wake = |machine: &mut Machine, after: &mut AfterUnlock| {
            machine.waits.wake_watchers(&mut after.wakers);
        };
        self.0.connection().with(wake);
    }
}
