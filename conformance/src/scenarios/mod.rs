//! The scenarios for clients and servers.
//!
//! Scenarios with a [`Target`](crate::Target) run on real servers and in memory; those with a
//! [`Suite`](crate::server::Suite) need real servers. All scenarios in `tasks` need a client that
//! many tasks share and whose futures can be dropped early. Those in `scripted` use a server of
//! their own that behaves in an unusual way. `conformance::tests!` lists them.

mod agents;
mod commands;
mod connections;
mod events;
mod faults;
mod scripted;
mod starting;
mod tasks;
mod vsock;

use std::future::poll_fn;
use std::task::Poll;

use qmp_driver::Reply;

use crate::subject::{Execute, Subject};

pub use agents::*;
pub use commands::*;
pub use connections::*;
pub use events::*;
pub use faults::*;
pub use scripted::*;
pub use starting::*;
pub use tasks::*;
pub use vsock::*;

/// A command with a known reply: the monitor computes.
fn print<S: Subject>(qemu: &S, number: usize) -> impl Execute<Sent = S::Sent<'_>> {
    let line = format!("print/d {number}");
    qemu.execute("human-monitor-command").argument("command-line", &line)
}

fn assert_printed(reply: &Reply, number: usize) {
    assert_eq!(reply.decode::<String>().unwrap().trim(), number.to_string());
}

async fn assert_usable(qemu: &impl Subject) {
    let reply = print(qemu, 7).run().await.unwrap();
    assert_printed(&reply, 7);
}

/// Polls all of them together.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    poll_fn(|cx| {
        let mut all = true;
        for (future, done) in &mut futures {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => *done = Some(output),
                    Poll::Pending => all = false,
                }
            }
        }
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}
