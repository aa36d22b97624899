//! Threads with blocking clients, commands, timeouts, aborts and reconnections at random.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qmp_blocking::{Client, Error, Outcome, Reply, State};

use super::Script;
use super::storm::{Watch, chance, number_of, open_files, resident, weather};
use crate::server::{folder, wait_until};

/// How many commands the usual tests send.
const COMMANDS: u64 = 5000;
/// How many threads send them at the same time, each with a client of its own.
const THREADS: u64 = 8;
/// How many a thread sends before its connection is examined.
const EACH: u64 = 20;
/// By how much the memory of the process may grow after the first quarter.
const MOST_GROWTH: u64 = 16 << 10;

#[derive(Debug, Default)]
struct Counts {
    answered: AtomicUsize,
    discarded: AtomicUsize,
    timed_out: AtomicUsize,
    outcome_unknown: AtomicUsize,
    not_sent: AtomicUsize,
    reconnected: AtomicUsize,
}

/// Runs a storm in a process that does nothing else.
pub fn storm_of_threads() {
    let commands = number_of("QMP_TEST_STORM").unwrap_or(COMMANDS);
    let seed = number_of("QMP_TEST_SEED").unwrap_or(0x5EED_1234_5678_9ABC);
    let before = open_files();
    let started = Instant::now();
    let counts = Arc::new(Counts::default());
    let folder = folder();
    let path = folder.path().join("qmp");
    let listener = UnixListener::bind(&path).unwrap();
    // The listener and its thread stay until the process ends.
    thread::spawn(move || {
        let mut seed = seed | 1;
        while let Ok((stream, _)) = listener.accept() {
            let mut script = Script::over(stream);
            let seed = chance(&mut seed);
            thread::spawn(move || weather(&mut script, seed | 1, false));
        }
    });
    let mut early = 0;
    let rounds = commands.div_ceil(THREADS * EACH).max(4);
    let mut clients: Vec<_> =
        (0..THREADS).map(|_| qmp_blocking::connect(&*path).unwrap()).collect();
    for round in 0..rounds {
        let running: Vec<_> = clients
            .drain(..)
            .enumerate()
            .map(|(thread, client)| {
                let seed = seed
                    ^ (round * THREADS + thread as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let counts = Arc::clone(&counts);
                thread::spawn(move || one_round(client, seed | 1, &counts))
            })
            .collect();
        clients = running.into_iter().map(|thread| thread.join().unwrap()).collect();
        if round == rounds / 4 {
            early = resident();
        }
    }
    drop(clients);
    let late = resident();
    println!(
        "blocking: {commands} commands in {:.1?}: {counts:?}; memory: {early} KiB after a quarter, {late} KiB at \
         the end",
        started.elapsed(),
    );
    wait_until("all descriptors are closed", || open_files() <= before + 1);
    assert!(late < early + MOST_GROWTH, "{early} KiB have become {late}");
    let answered = counts.answered.load(Ordering::Relaxed) as u64;
    assert!(answered > commands / 4, "{answered} were answered");
    assert!(counts.reconnected.load(Ordering::Relaxed) > 0, "no connection was lost");
}

fn one_round(client: Client, mut seed: u64, counts: &Counts) -> Client {
    let watch = Watch::begin(client.abort_handle());
    for number in 0..EACH {
        one(&client, number, &mut seed, counts);
        if matches!(client.state(), State::Closed(_)) {
            client.reconnect().unwrap();
            counts.reconnected.fetch_add(1, Ordering::Relaxed);
        }
    }
    assert!(!watch.end(), "a round hangs: {client:?}");
    assert!(format!("{client:?}").contains("waiting: 0"), "{client:?}");
    client
}

/// Runs commands in one of the ways in which programs do, or ends the connection.
fn one(client: &Client, number: u64, seed: &mut u64, counts: &Counts) {
    let command = |number: u64| client.execute("x").argument("number", number);
    match chance(seed) % 8 {
        0 => {
            let timeout = Duration::from_micros(chance(seed) % 3000);
            counts.check(number, command(number).timeout(timeout).run());
        }
        1 => match command(number).send() {
            Ok(pending) => {
                drop(pending);
                counts.discarded.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => counts.check(number, Err(error)),
        },
        2 | 3 => {
            // Several are sent together, and awaited in the reverse order.
            let queued: Vec<_> =
                (0..5).map(|more| (number + more, command(number + more).queue())).collect();
            for (number, pending) in queued.into_iter().rev() {
                counts.check(number, pending.and_then(qmp_blocking::PendingReply::recv));
            }
        }
        4 if chance(seed) % 20 == 0 => {
            let handle = client.abort_handle();
            let after = Duration::from_micros(chance(seed) % 500);
            let aborting = thread::spawn(move || {
                thread::sleep(after);
                handle.abort();
            });
            counts.check(number, command(number).run());
            aborting.join().unwrap();
        }
        5 => {
            let mut events = client.events().subscribe();
            counts.check(number, command(number).run());
            drop(events.drain());
        }
        _ => counts.check(number, command(number).run()),
    }
}

impl Counts {
    fn check(&self, number: u64, reply: Result<Reply, Error>) {
        let counter = match reply {
            Ok(reply) => {
                assert_eq!(reply.decode::<u64>().unwrap(), number, "the reply to another command");
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
