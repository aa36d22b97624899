//! The behaviour that all clients share, written once as [`scenarios`]: blocking or on any runtime,
//! with servers of every version and with an in-memory server.
//!
//! The tests of each adapter implement [`Adapter`] and invoke `conformance::tests!`, which lists
//! the scenarios. Servers of the adapters have [scenarios of their own](serving). Tests of one
//! adapter alone use the [servers](server) of this crate, too.

#![cfg(unix)]
// The crate consists of tests, which panic on failure.
#![allow(clippy::unwrap_used, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod example;
#[cfg(target_os = "linux")]
pub mod giving_up;
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

/// Returns the output of a future that is ready at the first poll, as those of a blocking client
/// are.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is pending, and has no waker"),
    }
}
