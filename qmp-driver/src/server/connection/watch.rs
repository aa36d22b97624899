//! Waiting for the end of a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::server::CloseReason;

use crate::server::connection::Connection;

/// Waits for the end of the connection.
pub(crate) struct Watch<'c> {
    connection: &'c Connection,
    key: Option<usize>,
}

impl<'c> Watch<'c> {
    pub(crate) const fn new(connection: &'c Connection) -> Self {
        Self { connection, key: None }
    }
}

impl Future for Watch<'_> {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let waker = cx.waker().clone();
        let Self { connection, key } = &mut *self;
        connection.with(|machine, after| {
            if let Some(reason) = &machine.ended {
                // All watchers were woken and removed.
                *key = None;
                after.stale = Some(waker);
                return Poll::Ready(reason.clone());
            }
            match key.and_then(|key| machine.watchers.get_mut(key)) {
                Some(last) => after.stale = Some(std::mem::replace(last, waker)),
                None => *key = Some(machine.watchers.insert(waker)),
            }
            Poll::Pending
        })
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.connection.lock().watchers.try_remove(key);
            drop(waker);
        }
    }
}
