//! Another connection for the same client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::{Cause, Error};

use crate::connection::machine::{After, Machine};
use crate::{Client, Driver};

impl Client {
    /// Connects again, to the same address with the same settings, once the connection has ended,
    /// and spawns the driver.
    ///
    /// [Persistent subscriptions](crate::SubscriptionBuilder::subscribe_persistent) go on, and yield
    /// [`Reconnected`](crate::PersistentItem::Reconnected); others have ended. Nothing is sent again:
    /// commands that were in flight have failed, and their errors tell whether they may have been
    /// executed. Events between the two connections are lost: query the state that they would have
    /// told of.
    ///
    /// If the connection stands, or somebody else makes it, this waits until it is ready.
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
    /// Cancel-safe: dropped half way, there is no connection, or one that goes on with its handshake.
    ///
    /// # Errors
    ///
    /// If nobody listens there any more or the handshake fails; then it can be tried again. If the
    /// connection was not made by connecting to an address
    /// ([`Cause::NoAddress`]): see [`Builder::reconnecting`](crate::Builder::reconnecting).
    pub async fn reconnect(&self) -> Result<(), Error> {
        if let Some(turn) = self.turn_to_reconnect().await {
            turn.take().await?;
        }
        self.ready().await
    }

    /// Nothing if there is a connection.
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

/// One at a time makes a connection.
struct Turn<'c>(&'c Client);

impl Turn<'_> {
    async fn take(self) -> Result<(), Error> {
        let last = self.0.connection();
        let link = self.0.link();
        let origin = link.origin().ok_or_else(|| last.error(Cause::NoAddress))?;
        let peer = origin.address.to_string();
        let transport = (origin.connect)(origin.address, origin.deadline).await?;
        let settings = Arc::clone(&last.settings);
        let machine = settings.machine(Arc::clone(&transport), false);
        // A builder may have been faster; then that connection is the one.
        if let Ok(connection) = link.replace(machine, settings, &peer) {
            (origin.spawn)(Driver::new(connection, transport));
        }
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.link().reconnecting.store(false, Ordering::Release);
        let wake = |machine: &mut Machine, after: &mut After| {
            machine.waits.wake_watchers(&mut after.wakers);
        };
        self.0.connection().with(wake);
    }
}
