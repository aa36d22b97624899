//! Scenarios that need a client that many tasks share and whose futures can be dropped early, or a
//! stream of the runtime's own.

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
    /// The runtime.
    type Runtime: Runtime;
}

impl<R: Runtime, A: Adapter<Builder = Builder<R>>> Shared for A {
    type Runtime = R;
}

/// The monitor computes, so each reply is known.
async fn compute(qemu: &Client, number: usize) -> Result<(), Error> {
    let command = qemu.execute("human-monitor-command");
    let reply = command.argument("command-line", format!("print/d {number}")).await?;
    assert_printed(&reply, number);
    Ok(())
}

/// Polls a future once and then this number of times, and drops it.
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
