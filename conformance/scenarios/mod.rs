//! What is done with servers, on any runtime.

mod commands;
mod connections;
mod faults;
mod starting;
mod tls;
mod vsock;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use qmp_driver::{Builder, Client, Events, Queued, Runtime};

pub(crate) use commands::*;
pub(crate) use connections::*;
pub(crate) use faults::*;
pub(crate) use starting::*;
pub(crate) use tls::*;
pub(crate) use vsock::*;

/// A runtime's listener, listening.
pub(crate) trait Bind {
    fn bind(path: &std::path::Path) -> Self;
}

pub(crate) fn builder<R: Runtime>() -> Builder<R> {
    Builder::default()
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

/// Polls it so many times, and then drops it.
pub(crate) async fn poll_and_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = times;
    poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
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

pub(crate) fn names(events: &mut Events) -> Vec<String> {
    let name = |queued| match queued {
        Queued::Event(event) => qmp_driver::Event::clone(&event).name().to_owned(),
        Queued::Lost(count) => format!("{count} lost"),
        Queued::Reconnected => "reconnected".to_owned(),
    };
    events.drain().into_iter().map(name).collect()
}

/// The monitor computes, so each answer is known.
pub(crate) async fn compute(qemu: &Client, number: usize) -> Result<(), qmp_driver::Error> {
    let command = qemu.execute("human-monitor-command");
    let reply = command.argument("command-line", &format!("print/d {number}")).await?;
    assert_eq!(reply.decode::<String>().unwrap().trim(), number.to_string());
    Ok(())
}
