//! Very many connections of one process. Their other ends are in another, so that memory can be told
//! apart. Each adapter's tests do it on their own runtime, one after the other.

mod memory;
mod peer;

use std::io::Write;
use std::pin::Pin;
use std::time::{Duration, Instant};
use std::{io, thread};

use qmp_driver::{Builder, Client, CloseReason, Options, Runtime};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use memory::Memory;
use peer::Peer;
pub(crate) use peer::the_other_end;

/// More than anything takes, on a machine that is busy with something else.
const PLENTY: Duration = Duration::from_secs(60);

const IDLE: usize = 10_000;
const BUSY: usize = 1000;
/// How many bare sockets are registered with the runtime, to see what it takes for itself.
const BARE: usize = 1000;
/// What a connection may add to what the runtime takes for its socket, in bytes: no buffer for what
/// is read is among it.
const MOST: usize = 4 * 1024;
/// What may be left of a connection that has ended: runtimes keep room for as many tasks and sockets
/// as there once were.
const REST: usize = 64;

/// A task under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How the runtime runs tasks.
pub(crate) trait Tasks: Runtime {
    /// Starts it at once, and waits for it when polled; its panic is passed on.
    fn run(task: impl Future<Output = ()> + Send + 'static) -> Running;
}

fn builder<R: Runtime>() -> Builder<R> {
    // The other end reads lines.
    Builder::default().options(Options::monitor().line_end(true)).timeout(PLENTY)
}

async fn echo(client: &Client, number: usize) {
    let reply = client.execute("echo").argument("number", number).await.unwrap();
    assert_eq!(reply.decode::<usize>().unwrap(), number);
}

/// `peer` is the name of the test that serves as the other end.
pub(crate) async fn ten_thousand_idle_connections<R: Tasks>(runtime: &str, peer: &str) {
    let name = format!("{IDLE} idle connections on {runtime}");
    if !may_open(IDLE + BARE, &name) {
        return;
    }
    let peer = Peer::start(peer);
    let address = peer.address();
    // What is made once, threads for one, is made by now.
    let first = builder::<R>().connect(&address).await.unwrap();
    echo(&first, 0).await;

    let empty = Memory::now();
    let bare: Vec<_> = (0..BARE).map(|_| R::default().transport(peer.connect()).unwrap()).collect();
    let alone = Memory::now().since(&empty).each(BARE);

    let before = Memory::now();
    let started = Instant::now();
    let mut clients = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        clients.push(builder::<R>().connect(&address).await.unwrap());
    }
    let took = started.elapsed();
    let each = Memory::now().since(&before).each(IDLE);
    notice(&format!(
        "{name}: {each} each, of which the runtime takes {alone} for a socket; connected in {took:.1?}"
    ));
    for (number, client) in clients.iter().enumerate() {
        echo(client, number).await;
    }
    let used = Memory::now().since(&before).each(IDLE);
    notice(&format!("{name}: {used} each once all have answered"));
    for each in [each, used] {
        assert!(each.heap < alone.heap + MOST, "{name}: {each}, {alone} for a socket alone");
        // Pages are shared, and what was freed before is used again: this is not to the byte.
        let resident = each.resident.zip(alone.resident);
        assert!(resident.is_none_or(|(each, alone)| each < alone + 2 * MOST), "{name}: {each}");
    }

    drop(clients);
    // The drivers end one after the other.
    let started = Instant::now();
    while Memory::now().since(&before).heap > IDLE * REST {
        let left = Memory::now().since(&before);
        assert!(started.elapsed() < PLENTY, "{name}: {left} left after the end");
        R::default().unblock(|| thread::sleep(Duration::from_millis(10))).await;
    }
    echo(&first, 1).await;
    drop(bare);
}

/// `peer` is the name of the test that serves as the other end.
pub(crate) async fn a_thousand_busy_connections<R: Tasks>(runtime: &str, peer: &str) {
    const TASKS: usize = 4;
    const ROUNDS: usize = 10;
    let name = format!("{BUSY} busy connections on {runtime}");
    if !may_open(BUSY, &name) {
        return;
    }
    let peer = Peer::start(peer);
    let address = peer.address();
    let started = Instant::now();
    // All connect at the same time.
    let connections: Vec<_> = (0..BUSY)
        .map(|at| {
            let address = address.clone();
            R::run(async move {
                let client = builder::<R>().connect(&address).await.unwrap();
                let tasks: Vec<_> = (0..TASKS)
                    .map(|task| {
                        let client = client.clone();
                        R::run(async move {
                            for round in 0..ROUNDS {
                                echo(&client, (at * TASKS + task) * ROUNDS + round).await;
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await;
                }
                assert_eq!(client.in_flight(), 0);
                client.close().await.unwrap();
                assert!(matches!(client.closed().await, CloseReason::ByUs));
            })
        })
        .collect();
    for connection in connections {
        connection.await;
    }
    let commands = BUSY * TASKS * ROUNDS;
    notice(&format!("{name}: {commands} commands in {:.1?}", started.elapsed()));
}

/// Whether so many sockets may be open, once the soft limit is as high as it may be.
fn may_open(sockets: usize, name: &str) -> bool {
    // For everything else that is open.
    let needed = sockets as u64 + 200;
    let limit = getrlimit(Resource::Nofile);
    let short = |limit: Option<u64>| limit.is_some_and(|limit| limit < needed);
    if short(limit.maximum) {
        let maximum = limit.maximum.unwrap_or_default();
        notice(&format!(
            "not run: {name}: they take {needed} open files, and the hard limit is {maximum}; \
             `ulimit -Hn {needed}` raises it, as root"
        ));
        return false;
    }
    if short(limit.current) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(needed), ..limit }).unwrap();
    }
    true
}

/// Says something that must be seen though the test passes, which hides what it prints.
fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
