//! Reconnecting a client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::{Error, ErrorKind};

use crate::connection::machine::{AfterUnlock, Machine};
use crate::{Client, Driver};

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
    /// Cancel-safe: if the future is dropped before it completes, either there is no connection, or
    /// the handshake of the new connection continues.
    ///
    /// # Errors
    ///
    /// Returns an error if nothing listens at the address or if the handshake fails; the call can
    /// then be repeated. Returns [`ErrorKind::NoAddress`] if the client was not made by connecting to
    /// an address: see [`Builder::reconnecting`](crate::Builder::reconnecting).
    pub async fn reconnect(&self) -> Result<(), Error> {
        if let Some(turn) = self.turn_to_reconnect().await {
            turn.take().await?;
        }
        self.ready().await
    }

    /// Returns `None` if there is a connection.
    async fn turn_to_reconnect(&self) -> Option<Turn<'_>> {
        let free = &self.link().reconnecting;
        self.watch(|machine| match machine.lifecycle.ended {
            None => Some(None),
            Some(_) if free.swap(true, Ordering::AcqRel) => None,
            Some(_) => Some(Some(Turn(self))),
        })
        .await
    }
}

/// The right to reconnect, which one task has at a time.
struct Turn<'c>(&'c Client);

impl Turn<'_> {
    async fn take(self) -> Result<(), Error> {
        let last = self.0.connection();
        let link = self.0.link();
        let origin = link.origin().ok_or_else(|| last.error(ErrorKind::NoAddress))?;
        let peer = origin.address.to_string();
        let transport = (origin.connect)(origin.address, origin.deadline).await?;
        let settings = Arc::clone(&last.settings);
        let machine = settings.machine(Arc::clone(&transport), false);
        // If a `Builder` has reconnected the client meanwhile, that connection is used.
        if let Ok(connection) = link.replace(machine, settings, &peer) {
            (origin.spawn)(Driver::new(connection, transport));
        }
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.link().reconnecting.store(false, Ordering::Release);
        let wake = |machine: &mut Machine, after: &mut AfterUnlock| {
            machine.waits.wake_watchers(&mut after.wakers);
        };
        self.0.connection().with(wake);
    }
}
