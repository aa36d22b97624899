//! Servers for hostile clients.

use std::marker::PhantomData;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use qmp_driver::server::{self, ClientConnection, CloseReason, Options};
use qmp_driver::{Runtime, Socket};
use serde_json::json;

use super::clients::HostileClient;
use super::wire::Wire;
use super::{MIB, Peak, PeakAlloc};
use crate::scenarios::Shared;

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub enum Conduct {
    /// Answers every command with 64 KiB.
    Answers,
    /// Emits events without end after the first command.
    Tells,
    /// Holds commands up to the in-flight limit and answers them together.
    Holds,
}

/// The in-flight limit with `oob`.
const MOST_HELD: usize = 9;
/// How long a client waits for the server to continue reading.
const STUCK: Duration = Duration::from_secs(3);
/// The limit of buffered events, in bytes.
const MOST_UNSENT: usize = MIB;

/// A server under test.
pub trait Host {
    /// Serves a client until the connection ends. Returns the names of its commands, and the close
    /// reason.
    fn serve(client: UnixStream, longest: usize, conduct: Conduct) -> (Vec<String>, CloseReason);
}

/// The server of `qmp-blocking`.
#[derive(Debug)]
pub struct Blocking;

/// The server of an asynchronous adapter.
#[derive(Debug)]
pub struct Asynchronous<A>(PhantomData<A>);

/// Connects both; returns the peak of allocated memory.
pub(super) fn meets<H: Host>(case: &HostileClient, heap: PeakAlloc) -> usize {
    let (ours, theirs) = UnixStream::pair().unwrap();
    // If the server does not read, the client stops writing.
    theirs.set_write_timeout(Some(STUCK)).unwrap();
    let script = case.script;
    let peak = Peak::begin(heap);
    let peer =
        thread::spawn(move || script(&mut Wire::new(theirs, Arc::new(AtomicBool::new(false)))));
    let (commands, hangup) = H::serve(ours, case.longest, case.conduct);
    let peak = peak.bytes();
    let told = peer.join().unwrap();
    assert!(format!("{hangup:?}").starts_with(case.hangup), "{}: {hangup:?}", case.does);
    assert!(told.as_deref().unwrap_or_default().contains(case.told), "{}: {told:?}", case.does);
    assert_eq!(told.is_some(), case.survives, "{}", case.does);
    assert!(commands.iter().all(|name| name != "quit"), "{}: {commands:?}", case.does);
    let stopped = commands.last().is_some_and(|name| name == "stop");
    assert_eq!(stopped, case.survives, "{}: {:?}", case.does, commands.last());
    peak
}

fn options(longest: usize) -> Options {
    Options::monitor().longest_message(longest)
}

fn long() -> String {
    "x".repeat(64 * 1024)
}

impl Host for Blocking {
    fn serve(client: UnixStream, longest: usize, conduct: Conduct) -> (Vec<String>, CloseReason) {
        let builder = qmp_blocking::server().options(options(longest)).unsent_limit(MOST_UNSENT);
        let mut commands = builder.serve_over(Socket::from(client), "client").unwrap();
        let (mut names, mut held) = (Vec::new(), Vec::new());
        let long = long();
        let emitter = commands.event_sender();
        while let Some(request) = commands.recv().unwrap() {
            names.push(request.name().to_owned());
            if request.name() == "stop" {
                request.return_empty();
                continue;
            }
            match conduct {
                Conduct::Answers => request.answer(&long).unwrap(),
                Conduct::Tells => {
                    request.return_empty();
                    while commands.close_reason().is_none() {
                        emitter.emit("NOISE", &json!({"text": "x"})).unwrap();
                    }
                }
                Conduct::Holds => {
                    held.push(request);
                    if held.len() == MOST_HELD {
                        held.drain(..).for_each(server::Request::return_empty);
                    }
                }
            }
        }
        (names, commands.close_reason().unwrap())
    }
}

impl<A: Shared> Host for Asynchronous<A> {
    fn serve(client: UnixStream, longest: usize, conduct: Conduct) -> (Vec<String>, CloseReason) {
        A::block_on(async {
            let builder = server::Builder::<A::Runtime>::default();
            let builder = builder.options(options(longest)).unsent_limit(MOST_UNSENT);
            let transport = A::Runtime::default().transport(Socket::from(client)).unwrap();
            let mut commands = builder.serve_over(transport, "client").unwrap();
            let names = serve(&mut commands, conduct).await;
            (names, commands.closed().await)
        })
    }
}

async fn serve(commands: &mut ClientConnection, conduct: Conduct) -> Vec<String> {
    let emitter = commands.event_sender();
    let (mut names, mut held) = (Vec::new(), Vec::new());
    let long = long();
    while let Some(request) = commands.recv().await {
        names.push(request.name().to_owned());
        if request.name() == "stop" {
            request.return_empty();
            continue;
        }
        match conduct {
            Conduct::Answers => request.answer(&long).unwrap(),
            Conduct::Tells => {
                request.return_empty();
                while emitter.close_reason().is_none() {
                    emitter.emit("NOISE", &json!({"text": "x"})).unwrap();
                }
            }
            Conduct::Holds => {
                held.push(request);
                if held.len() == MOST_HELD {
                    held.drain(..).for_each(server::Request::return_empty);
                }
            }
        }
    }
    names
}
