//! Ctrl-C while a command runs.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Tells a task that the user has pressed Ctrl-C.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    pressed: bool,
    waker: Option<Waker>,
}

impl Interrupt {
    pub(crate) fn press(&self) {
        let waker = {
            let mut state = self.lock();
            state.pressed = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Forgets what was pressed before.
    pub(crate) fn clear(&self) {
        self.lock().pressed = false;
    }

    /// Waits until Ctrl-C is pressed.
    pub(crate) async fn pressed(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            match std::mem::take(&mut state.pressed) {
                true => Poll::Ready(()),
                false => {
                    state.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
