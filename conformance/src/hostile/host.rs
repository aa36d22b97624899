//! Who serves a hostile client.

use std::marker::PhantomData;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use qmp_driver::server::{self, Commands, Hangup, Options};
use qmp_driver::{Runtime, Socket};
use serde_json::json;

use super::clients::HostileClient;
use super::wire::Wire;
use super::{MIB, Peak, PeakAlloc};
use crate::scenarios::Shared;

/// What is served.
#[derive(Clone, Copy, Debug)]
pub enum Conduct {
    /// Every command is answered, with 64 KiB.
    Answers,
    /// Events are told without end, once a first command is done.
    Tells,
    /// As many commands as may be are held, and answered together.
    Holds,
}

/// As many commands as may be unanswered, with `oob`.
const MOST_HELD: usize = 9;
/// How long a client waits for the server to read on.
const STUCK: Duration = Duration::from_secs(3);
/// The most bytes of events that are kept.
const MOST_UNSENT: usize = MIB;

/// A server that is used.
pub trait Host {
    /// Serves a client until it is over. Gives back the names of its commands, and why it is over.
    fn serve(client: UnixStream, longest: usize, conduct: Conduct) -> (Vec<String>, Hangup);
}

/// That of `qmp-blocking`.
#[derive(Debug)]
pub struct Blocking;

/// That of an asynchronous adapter.
#[derive(Debug)]
pub struct Asynchronous<A>(PhantomData<A>);

/// Lets them meet; gives back the most memory that it took.
pub(super) fn meets<H: Host>(case: &HostileClient, heap: PeakAlloc) -> usize {
    let (ours, theirs) = UnixStream::pair().unwrap();
    // Where nobody reads, it has said enough.
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
    fn serve(client: UnixStream, longest: usize, conduct: Conduct) -> (Vec<String>, Hangup) {
        let builder = qmp_blocking::server().options(options(longest)).most_unsent(MOST_UNSENT);
        let mut commands = builder.over(Socket::from(client), "client").unwrap();
        let (mut names, mut held) = (Vec::new(), Vec::new());
        let long = long();
        let emitter = commands.emitter();
        while let Some(request) = commands.recv().unwrap() {
            names.push(request.name().to_owned());
            if request.name() == "stop" {
                request.done();
                continue;
            }
            match conduct {
                Conduct::Answers => request.answer(&long).unwrap(),
                Conduct::Tells => {
                    request.done();
                    while commands.ended().is_none() {
                        emitter.emit("NOISE", &json!({"text": "x"})).unwrap();
                    }
                }
                Conduct::Holds => {
                    held.push(request);
                    if held.len() == MOST_HELD {
                        held.drain(..).for_each(server::Request::done);
                    }
                }
            }
        }
        (names, commands.ended().unwrap())
    }
}

impl<A: Shared> Host for Asynchronous<A> {
    fn serve(client: UnixStream, longest: usize, conduct: Conduct) -> (Vec<String>, Hangup) {
        A::block_on(async {
            let builder = server::Builder::<A::Runtime>::default();
            let builder = builder.options(options(longest)).most_unsent(MOST_UNSENT);
            let transport = A::Runtime::default().transport(Socket::from(client)).unwrap();
            let mut commands = builder.over(transport, "client").unwrap();
            let names = serve(&mut commands, conduct).await;
            (names, commands.closed().await)
        })
    }
}

async fn serve(commands: &mut Commands, conduct: Conduct) -> Vec<String> {
    let emitter = commands.emitter();
    let (mut names, mut held) = (Vec::new(), Vec::new());
    let long = long();
    while let Some(request) = commands.recv().await {
        names.push(request.name().to_owned());
        if request.name() == "stop" {
            request.done();
            continue;
        }
        match conduct {
            Conduct::Answers => request.answer(&long).unwrap(),
            Conduct::Tells => {
                request.done();
                while emitter.ended().is_none() {
                    emitter.emit("NOISE", &json!({"text": "x"})).unwrap();
                }
            }
            Conduct::Holds => {
                held.push(request);
                if held.len() == MOST_HELD {
                    held.drain(..).for_each(server::Request::done);
                }
            }
        }
    }
    names
}
