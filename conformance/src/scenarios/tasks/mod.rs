//! What only a client can that many tasks share, and whose futures can be dropped half way; and what
//! only streams of a runtime's own can.

mod commands;
mod events;
mod faults;
mod reconnecting;
mod tls;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use qmp_driver::{Builder, Client, Error, Runtime};

use super::{assert_printed, join_all};
use crate::Adapter;

pub use commands::*;
pub use events::*;
pub use faults::*;
pub use reconnecting::*;
pub use tls::*;

/// An adapter whose client is the driver's.
pub trait Shared: Adapter<Builder = Builder<<Self as Shared>::Runtime>> {
    /// On which it runs.
    type Runtime: Runtime;
}

impl<R: Runtime, A: Adapter<Builder = Builder<R>>> Shared for A {
    type Runtime = R;
}

/// The monitor computes, so each answer is known.
async fn compute(qemu: &Client, number: usize) -> Result<(), Error> {
    let command = qemu.execute("human-monitor-command");
    let reply = command.argument("command-line", &format!("print/d {number}")).await?;
    assert_printed(&reply, number);
    Ok(())
}

/// Polls it so many times more than once, and then drops it.
async fn poll_and_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
