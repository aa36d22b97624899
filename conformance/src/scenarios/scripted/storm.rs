//! Commands, cancellations, deadlines, resets and reconnections at random.
//!
//! Each reply reaches its caller, nothing hangs, and waits, file descriptors and memory are released. The
//! environment variable `QMP_TEST_STORM` sets the number of commands, and `QMP_TEST_SEED` the seed.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs};

use qmp_driver::{AbortHandle, Client, Error, Outcome, State};

use super::turns::transport;
use super::{Script, serve};
use crate::scenarios::{Shared, join_all};
use crate::server::{PLENTY, wait_until};

/// How many commands the usual tests send.
const COMMANDS: u64 = 5000;
/// How many tasks send them at the same time.
const TASKS: u64 = 100;
/// How many a task sends, one after the other, before the connection is examined.
const EACH: u64 = 10;
/// By how much the memory of the process may grow after the first quarter.
const MOST_GROWTH: u64 = 16 << 10;

/// The storms of one process take turns, since they count its file descriptors.
static ALONE: Mutex<()> = Mutex::new(());

#[derive(Debug, Default)]
struct Counts {
    answered: AtomicUsize,
    cancelled: AtomicUsize,
    timed_out: AtomicUsize,
    outcome_unknown: AtomicUsize,
    not_sent: AtomicUsize,
}

/// Runs a storm in a process that does nothing else.
pub fn storm<A: Shared>(name: &str) {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let commands = number_of("QMP_TEST_STORM").unwrap_or(COMMANDS);
    let seed = number_of("QMP_TEST_SEED").unwrap_or(0x5EED_1234_5678_9ABC);
    // The runtimes keep what they have opened for the first connection.
    A::block_on(rounds::<A>(2 * TASKS * EACH, seed, &Counts::default()));
    let before = open_files();
    let started = Instant::now();
    let counts = Counts::default();
    let (connections, [early, late]) = A::block_on(rounds::<A>(commands, seed, &counts));
    println!(
        "{name}: {commands} commands over {connections} connections in {:.1?}: {counts:?}; memory: {early} \
         KiB after a quarter, {late} KiB at the end",
        started.elapsed(),
    );
    wait_until("all descriptors are closed", || open_files() <= before);
    assert!(late < early + MOST_GROWTH, "{early} KiB have become {late}");
    let answered = counts.answered.into_inner() as u64;
    assert!(answered > commands / 4, "{answered} were answered");
}

/// Returns the number in an environment variable.
pub(super) fn number_of(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

async fn rounds<A: Shared>(commands: u64, mut seed: u64, counts: &Counts) -> (usize, [u64; 2]) {
    let rounds = commands.div_ceil(TASKS * EACH);
    let mut early = 0;
    let (mut client, mut server) = connect::<A>(None, chance(&mut seed)).await;
    let mut connections = 1;
    for round in 0..rounds {
        let watch = Watch::begin(client.abort_handle());
        let tasks = (0..TASKS).map(|task| {
            let (client, seed) = (client.clone(), chance(&mut seed));
            async move {
                let mut seed = seed | 1;
                for command in 0..EACH {
                    one(&client, task * EACH + command, &mut seed, counts).await;
                }
            }
        });
        join_all(tasks).await;
        assert!(!watch.has_barked(), "round {round} hangs: {client:?}");
        while client.in_flight() > 0 && !matches!(client.state(), State::Closed(_)) {
            yield_now().await;
        }
        assert!(!watch.end(), "round {round} leaves commands unanswered: {client:?}");
        assert!(format!("{client:?}").contains("waiting: 0"), "{client:?}");
        if matches!(client.state(), State::Closed(_)) {
            server.join().unwrap();
            (client, server) = connect::<A>(Some(&client), chance(&mut seed)).await;
            connections += 1;
        }
        if round == rounds / 4 {
            early = resident();
        }
    }
    let _ = client.close().await;
    server.join().unwrap();
    (connections, [early, resident()])
}

async fn connect<A: Shared>(last: Option<&Client>, seed: u64) -> (Client, JoinHandle<()>) {
    let out_of_band = seed % 2 == 0;
    let (stream, server) = serve(move |script| weather(script, seed | 1, out_of_band));
    let builder = match last {
        Some(last) => A::builder().reconnecting(last),
        None => A::builder(),
    };
    let builder = if out_of_band { builder.out_of_band() } else { builder };
    (builder.connect_over(transport::<A>(stream), "storm").await.unwrap(), server)
}

/// Answers at any time, and in any order where that is allowed, and hangs up now and then, in the middle of a message.
pub(super) fn weather(script: &mut Script, mut seed: u64, any_order: bool) {
    script.greet();
    let mut held = Vec::new();
    loop {
        let Some(message) = script.receive_within(Duration::from_micros(500)) else {
            if script.has_ended() {
                return;
            }
            held.drain(..).for_each(|message| script.answer_with_number(&message));
            continue;
        };
        held.push(message);
        if chance(&mut seed) % 5000 == 0 {
            return script.send("{\"return\": ");
        }
        if chance(&mut seed) % 8 == 0 {
            script.send(
                "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n",
            );
        }
        if chance(&mut seed) % 3 == 0 {
            let at = chance(&mut seed) as usize % held.len();
            let message = held.remove(if any_order { at } else { 0 });
            script.answer_with_number(&message);
        }
    }
}

/// Runs one command in one of the ways in which programs do, or ends the connection.
async fn one(client: &Client, number: u64, seed: &mut u64, counts: &Counts) {
    let mut command = client.execute("x").argument("number", number);
    match chance(seed) % 8 {
        0 => command = command.timeout(Duration::from_micros(chance(seed) % 3000)),
        1 | 2 => {
            for _ in 0..chance(seed) % 4 {
                let polled = Pin::new(&mut command).poll(&mut Context::from_waker(Waker::noop()));
                if let Poll::Ready(reply) = polled {
                    return counts.check(number, reply.map(|reply| reply.decode().unwrap()));
                }
                yield_now().await;
            }
            counts.cancelled.fetch_add(1, Ordering::Relaxed);
            return;
        }
        3 if chance(seed) % 500 == 0 => client.abort(),
        _ => {}
    }
    counts.check(number, command.await.map(|reply| reply.decode().unwrap()));
}

impl Counts {
    fn check(&self, number: u64, reply: Result<u64, Error>) {
        let counter = match reply {
            Ok(reply) => {
                assert_eq!(reply, number, "the reply to another command");
                &self.answered
            }
            Err(error) if error.is_timeout() => &self.timed_out,
            Err(error) => {
                assert!(error.is_disconnected(), "{error:#?}");
                match error.outcome() {
                    Outcome::Unknown => &self.outcome_unknown,
                    _ => &self.not_sent,
                }
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Aborts a connection that takes too long.
pub(super) struct Watch {
    barked: Arc<AtomicBool>,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn begin(handle: AbortHandle) -> Self {
        let (end, ended) = channel::<()>();
        let barked = Arc::new(AtomicBool::new(false));
        let bark = Arc::clone(&barked);
        let thread = thread::spawn(move || {
            if ended
                .recv_timeout(PLENTY)
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                bark.store(true, Ordering::SeqCst);
                handle.abort();
            }
        });
        Self { barked, end: Some(end), thread: Some(thread) }
    }

    fn has_barked(&self) -> bool {
        self.barked.load(Ordering::SeqCst)
    }

    /// Returns whether it was too late.
    pub(super) fn end(mut self) -> bool {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
        self.has_barked()
    }
}

pub(super) fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The memory of the process in KiB.
pub(super) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A number that looks random and is the same each time.
pub(super) fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}
