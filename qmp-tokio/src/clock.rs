//! The timer of a connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::{self, Handle};
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is made when it is first needed.
#[derive(Debug)]
pub(crate) struct DriverTimer(Mutex<Timer>);

#[derive(Debug)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// The runtime that the timer belongs to.
    runtime: Option<runtime::Id>,
}

impl Default for DriverTimer {
    fn default() -> Self {
        Self(Mutex::new(Timer { sleep: None, runtime: current_runtime() }))
    }
}

impl DriverTimer {
    pub(crate) fn poll_until(
        &self,
        cx: &mut Context<'_>,
        deadline: std::time::Instant,
    ) -> Poll<()> {
        let deadline = Instant::from_std(deadline);
        let mut timer = self.lock();
        if timer.sleep.is_none() {
            timer.runtime = current_runtime();
        }
        let sleep = timer.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }

    /// Whether the runtime of the timer runs the calling task, too.
    pub(crate) fn runs_here(&self) -> bool {
        let here = current_runtime();
        here.is_some() && self.lock().runtime == here
    }

    /// Idle connections have no timer.
    pub(crate) fn forget(&self) {
        let sleep = self.lock().sleep.take();
        drop(sleep);
    }

    fn lock(&self) -> MutexGuard<'_, Timer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn current_runtime() -> Option<runtime::Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}

/// The time of the runtime, which a test can stop.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}
