//! The timer of a connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<Pin<Box<Sleep>>>>);

impl Clock {
    pub(crate) fn poll_until(
        &self,
        cx: &mut Context<'_>,
        deadline: std::time::Instant,
    ) -> Poll<()> {
        let deadline = Instant::from_std(deadline);
        let mut sleep = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sleep = sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }

    /// Idle connections have no timer.
    pub(crate) fn forget(&self) {
        let sleep = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(sleep);
    }
}

/// The time of the runtime, which a test can stop.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}
