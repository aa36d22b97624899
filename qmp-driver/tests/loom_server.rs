//! Models of what several threads do to one connection to a client at once, as `loom.rs` has them of
//! clients.

#![cfg(loom)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use qmp_driver::server::{Builder, ClientConnection, CloseReason, Driver, Options};
use qmp_driver::{BorrowedDescriptor, Transport};

/// A client that has said all it will say, and then reads.
#[derive(Clone, Debug)]
struct Client(Arc<Mutex<Wire>>);

#[derive(Debug, Default)]
struct Wire {
    said: VecDeque<u8>,
    /// It has closed its end.
    ended: bool,
    heard: Vec<u8>,
    /// Nobody can write at once: the driver has to.
    full: bool,
    writer: Option<Waker>,
}

const NEGOTIATE: &str = "{\"execute\":\"qmp_capabilities\"}";

impl Client {
    fn new(commands: &str, full: bool) -> Self {
        let said = NEGOTIATE.bytes().chain(commands.bytes()).collect();
        Self(Arc::new(Mutex::new(Wire { said, ended: true, full, ..Wire::default() })))
    }

    /// It goes on listening without a word.
    fn stays(self) -> Self {
        self.0.lock().unwrap().ended = false;
        self
    }

    /// There is room again.
    fn drain(&self) {
        let mut wire = self.0.lock().unwrap();
        wire.full = false;
        let writer = wire.writer.take();
        drop(wire);
        writer.into_iter().for_each(Waker::wake);
    }

    fn heard(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().heard.clone()).unwrap()
    }
}

impl Transport for Client {
    fn poll_read(&self, _: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.0.lock().unwrap();
        let count = room.len().min(wire.said.len());
        if count == 0 && !wire.ended {
            // It never says more.
            return Poll::Pending;
        }
        for (room, byte) in room.iter_mut().zip(wire.said.drain(..count)) {
            *room = byte;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        _: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.0.lock().unwrap();
        if wire.full {
            wire.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        wire.heard.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn try_write(&self, bytes: &[u8], _: Option<BorrowedDescriptor<'_>>) -> io::Result<usize> {
        let mut wire = self.0.lock().unwrap();
        if wire.full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wire.heard.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn poll_until(&self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

fn open(client: &Client, limit: usize) -> (ClientConnection, Driver) {
    let options = Options::monitor().in_band_limit(limit);
    Builder::<()>::default().options(options).build_over(client.clone(), "model").unwrap()
}

/// Tries every order with up to so many switches that a thread did not ask for.
fn model(switches: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(switches);
    model.max_branches = 20_000;
    model.check(run);
}

fn drive(driver: Driver) -> thread::JoinHandle<CloseReason> {
    thread::spawn(|| block_on(driver))
}

#[test]
fn the_next_command_is_taken_after_the_answer_whoever_gives_it() {
    model(2, || {
        let client = Client::new("{\"execute\":\"a\"}{\"execute\":\"b\"}", false);
        let (mut commands, driver) = open(&client, 1);
        let driver = drive(driver);
        block_on(async {
            let request = commands.recv().await.unwrap();
            let answering = thread::spawn(move || request.return_empty());
            assert_eq!(commands.recv().await.unwrap().name(), "b");
            assert!(commands.recv().await.is_none());
            answering.join().unwrap();
        });
        assert!(matches!(driver.join().unwrap(), CloseReason::ByClient));
        assert!(client.heard().contains("gave up the command b"));
    });
}

#[test]
fn two_threads_answer_at_once() {
    model(2, || {
        let client = Client::new("{\"execute\":\"a\"}{\"execute\":\"b\"}", false);
        let (mut commands, driver) = open(&client, 2);
        let driver = drive(driver);
        let one = block_on(commands.recv()).unwrap();
        let other = block_on(commands.recv()).unwrap();
        let answering = thread::spawn(move || one.answer(&1).unwrap());
        other.answer(&2).unwrap();
        answering.join().unwrap();
        driver.join().unwrap();
        let heard = client.heard();
        assert!(heard.contains("{\"return\": 1}") && heard.contains("{\"return\": 2}"), "{heard}");
    });
}

#[test]
fn what_cannot_be_written_at_once_the_driver_writes() {
    model(2, || {
        let client = Client::new("{\"execute\":\"a\"}", true);
        let (mut commands, driver) = open(&client, 1);
        let driver = drive(driver);
        let reading = client.clone();
        let drain = thread::spawn(move || reading.drain());
        block_on(commands.recv()).unwrap().answer(&1).unwrap();
        drain.join().unwrap();
        assert!(matches!(driver.join().unwrap(), CloseReason::ByClient));
        assert!(client.heard().ends_with("{\"return\": 1}\r\n"));
    });
}

#[test]
fn the_end_comes_when_all_is_answered_and_everybody_learns_of_it() {
    model(2, || {
        let client = Client::new("{\"execute\":\"a\"}", false).stays();
        let (mut commands, driver) = open(&client, 1);
        let driver = drive(driver);
        let request = block_on(commands.recv()).unwrap();
        let emitter = commands.event_sender();
        let closing = thread::spawn(move || block_on(commands.close()));
        emitter.emit("STOP", &()).unwrap();
        request.answer(&1).unwrap();
        assert!(matches!(closing.join().unwrap(), CloseReason::ByUs));
        driver.join().unwrap();
        assert!(emitter.close_reason().is_some());
        assert!(client.heard().ends_with("\"STOP\"}\r\n{\"return\": 1}\r\n"));
    });
}

#[test]
fn an_abort_is_seen_by_whoever_waits() {
    model(3, || {
        let client = Client::new("", false).stays();
        let (mut commands, driver) = open(&client, 1);
        let emitter = commands.event_sender();
        let driver = drive(driver);
        let emitting = thread::spawn(move || emitter.emit("STOP", &()).unwrap());
        commands.abort();
        block_on(async {
            assert!(commands.recv().await.is_none());
            assert!(matches!(commands.closed().await, CloseReason::ByUs));
        });
        emitting.join().unwrap();
        driver.join().unwrap();
    });
}
