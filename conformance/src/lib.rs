//! What every client does, blocking or on whatever runtime, with servers of every version and with
//! one in memory: [`scenarios`], written once.
//!
//! The tests of each adapter implement [`Adapter`] and say `conformance::tests!`, which lists the
//! scenarios. Servers of the adapters have [scenarios of their own](serving). Tests that are an adapter's own find the [servers](server) here, too.

#![cfg(unix)]
// It consists of tests, which panic where something is not as it must be.
#![allow(clippy::unwrap_used, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod example;
pub mod hostile;
pub mod peer;
pub mod scenarios;
pub mod server;
pub mod serving;
pub mod subject;
mod target;
mod tests;
pub mod tls;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub use example::example;
pub use subject::Adapter;
pub use target::{AnyServer, Target};

/// The outcome of a future that never waits, as a blocking client's.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits, and nobody would wake it"),
    }
}
