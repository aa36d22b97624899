//! The behaviour that all asynchronous servers share, with our client and with other clients. Both
//! ends are in this process. `conformance::serving_tests!` lists the scenarios.

// The names of the scenarios describe them.
#![allow(missing_docs)]

mod accepting;
mod agent;
mod commands;
mod descriptors;
mod ends;
mod events;
mod hostile;
mod raw;
mod tests;

use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use qmp_driver::server::{self, ClientConnection};
use qmp_driver::{Client, Runtime, Socket};

pub use accepting::*;
pub use agent::*;
pub use commands::*;
pub use descriptors::*;
pub use ends::*;
pub use events::*;
pub use hostile::*;

/// Longer than any step takes, even on a busy machine.
const PLENTY: Duration = Duration::from_secs(60);

/// Ends the tests if one of them hangs, because there is no timeout common to all runtimes.
#[derive(Debug)]
pub struct Watchdog(#[allow(dead_code)] Sender<()>);

impl Watchdog {
    /// Starts watching the test of this name.
    pub fn new(name: &'static str) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            if receiver.recv_timeout(PLENTY) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{name} hangs");
                std::process::exit(1);
            }
        });
        Self(sender)
    }
}

fn server<R: Runtime>() -> server::Builder<R> {
    server::Builder::default()
}

fn client<R: Runtime>() -> qmp_driver::Builder<R> {
    qmp_driver::Builder::default()
}

fn transport<R: Runtime>(socket: UnixStream) -> R::Transport {
    R::default().transport(Socket::from(socket)).unwrap()
}

/// Returns a server and the bare socket of its client.
fn serve<R: Runtime>(server: &server::Builder<R>) -> (ClientConnection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (server.serve_over(transport::<R>(ours), "client").unwrap(), theirs)
}

/// Returns a server and a connected client of ours.
async fn pair<R: Runtime>() -> (ClientConnection, Client) {
    pair_with(&server::<R>(), client()).await
}

async fn pair_with<R: Runtime>(
    server: &server::Builder<R>,
    client: qmp_driver::Builder<R>,
) -> (ClientConnection, Client) {
    let (commands, socket) = serve(server);
    (commands, client.connect_over(transport::<R>(socket), "server").await.unwrap())
}

async fn sleep<R: Runtime>(time: Duration) {
    R::default().unblock(move || thread::sleep(time)).await;
}

/// Polls both together, and returns both outputs.
async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        poll_into(&mut first, one.as_mut(), cx);
        poll_into(&mut second, other.as_mut(), cx);
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.unwrap(), second.unwrap())
}

/// Polls all together until all are done.
async fn all<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut futures: Vec<_> = futures.into_iter().map(|it| (Box::pin(it), None)).collect();
    poll_fn(|cx| {
        for (future, done) in &mut futures {
            poll_into(done, future.as_mut(), cx);
        }
        let all = futures.iter().all(|(_, done)| done.is_some());
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn poll_into<F: Future>(done: &mut Option<F::Output>, future: Pin<&mut F>, cx: &mut Context<'_>) {
    if done.is_none() {
        if let Poll::Ready(output) = future.poll(cx) {
            *done = Some(output);
        }
    }
}
