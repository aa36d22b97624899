//! The timer of a connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use async_io::Timer;

/// A timer and its deadline. Idle connections have no timer, and no memory allocated for one.
#[derive(Debug, Default)]
pub(crate) struct DriverTimer(Mutex<Option<Box<(Instant, Timer)>>>);

impl DriverTimer {
    pub(crate) fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, timer) =
            &mut **set.get_or_insert_with(|| Box::new((deadline, Timer::at(deadline))));
        if *at != deadline {
            timer.set_at(deadline);
            *at = deadline;
        }
        let rung = Pin::new(timer).poll(cx).map(|_| ());
        if rung.is_ready() {
            // The timer fires once.
            *set = None;
        }
        rung
    }

    pub(crate) fn forget(&self) {
        let set = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(set);
    }
}
