//! Models of what several threads do to one connection at once: every order in which they can take
//! its locks is tried. A wake-up that is lost is a deadlock of the model.
//!
//! There is a model of each promise of the engine in which threads meet: turns that are not taken
//! (`queued_commands_…`, `a_queued_command_…`), the last client's end and aborting, reconnecting
//! (`a_task_that_waits_for_a_new_connection_…`, `a_subscriber_is_told_…`), and that no waker runs
//! under a lock. There is none of deadlines, since a model has no clock: that replies that arrived
//! in time count, and that deadlines pass without the driver, is tested on the runtimes
//! (`what_arrived_in_time_…`, `a_deadline_passes_…`). There is none of panicking wakers either,
//! since a panic ends a model: `waking.rs` tests them.
//!
//! Run by `cargo xtask loom`; without `--cfg loom` there is nothing here.

#![cfg(loom)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use qmp_driver::{
    BorrowedDescriptor, Builder, Client, CloseReason, Driver, EventItem, Options, Outcome,
    PersistentItem, State, Transport,
};

/// A server that answers at once, in the thread that writes.
#[derive(Clone, Debug, Default)]
struct Server(Arc<Mutex<Wire>>);

#[derive(Debug, Default)]
struct Wire {
    /// What the client can read.
    answers: VecDeque<u8>,
    reader: Option<Waker>,
    /// Nobody can write at once: the driver has to.
    full: bool,
    writer: Option<Waker>,
    /// An event comes before each answer.
    events: bool,
    /// Commands are read and not answered.
    silent: bool,
    /// It says no more.
    closed: bool,
    /// How many commands were read.
    commands: usize,
    /// There is no clock: what has to wait for one is due at once.
    timeless: bool,
}

impl Server {
    fn with(set: impl FnOnce(&mut Wire)) -> Self {
        let server = Self::default();
        set(&mut server.0.lock().unwrap());
        server
    }

    /// There is room again.
    fn drain(&self) {
        let mut wire = self.0.lock().unwrap();
        wire.full = false;
        let writer = wire.writer.take();
        drop(wire);
        writer.into_iter().for_each(Waker::wake);
    }
}

impl Wire {
    /// Every command is written whole: `{"execute":"x","id":N}`.
    fn take(&mut self, bytes: &[u8]) -> Option<Waker> {
        for command in bytes.split_inclusive(|byte| *byte == b'}') {
            let command = std::str::from_utf8(command).unwrap();
            let (_, id) = command.rsplit_once("\"id\":").unwrap();
            self.commands += 1;
            if self.silent {
                continue;
            }
            if self.events {
                self.answers.extend(b"{\"event\": \"STOP\"}\r\n");
            }
            self.answers.extend(format!("{{\"return\": {{}}, \"id\": {id}\r\n").bytes());
        }
        self.reader.take()
    }
}

impl Transport for Server {
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.0.lock().unwrap();
        let count = room.len().min(wire.answers.len());
        if count == 0 && !wire.closed {
            wire.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (room, byte) in room.iter_mut().zip(wire.answers.drain(..count)) {
            *room = byte;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        match self.try_write(bytes, descriptor) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut wire = self.0.lock().unwrap();
                if !wire.full {
                    cx.waker().wake_by_ref();
                }
                wire.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            written => Poll::Ready(written),
        }
    }

    fn try_write(&self, bytes: &[u8], _: Option<BorrowedDescriptor<'_>>) -> io::Result<usize> {
        let mut wire = self.0.lock().unwrap();
        if wire.full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let reader = wire.take(bytes);
        drop(wire);
        reader.into_iter().for_each(Waker::wake);
        Ok(bytes.len())
    }

    fn poll_until(&self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timeless = self.0.lock().unwrap().timeless;
        if timeless && deadline <= self.now() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn has_deadlines(&self) -> bool {
        !self.0.lock().unwrap().timeless
    }

    /// It closes its end once the client has.
    fn shutdown(&self, _: Shutdown) {
        let mut wire = self.0.lock().unwrap();
        wire.closed = true;
        let reader = wire.reader.take();
        drop(wire);
        reader.into_iter().for_each(Waker::wake);
    }
}

fn open(server: &Server) -> (Client, Driver) {
    let builder = Builder::<()>::default().negotiated().options(Options::monitor());
    builder.build_over(server.clone(), "model").unwrap()
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

/// Polls once, and drops it.
async fn touch(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// Each server greets, and knows no time.
fn greeted() -> (Client, Driver) {
    let server = Server::with(|wire| {
        wire.timeless = true;
        wire.answers.extend(b"{\"QMP\": {}}\r\n");
    });
    let builder = Builder::<()>::default().options(Options::monitor());
    builder.build_over(server, "model").unwrap()
}

#[test]
fn two_tasks_are_both_answered() {
    model(2, || {
        let (client, driver) = open(&Server::default());
        let other = client.clone();
        let driver = drive(driver);
        let task = thread::spawn(move || {
            block_on(other.execute("x")).unwrap();
        });
        block_on(client.execute("x")).unwrap();
        task.join().unwrap();
        assert_eq!(client.in_flight(), 0);
        drop(client);
        assert!(matches!(driver.join().unwrap(), CloseReason::ByUs));
    });
}

#[test]
fn what_a_caller_cannot_write_the_driver_does() {
    model(2, || {
        let server = Server::with(|wire| wire.full = true);
        let (client, driver) = open(&server);
        let driver = drive(driver);
        let drain = thread::spawn(move || server.drain());
        block_on(client.execute("x")).unwrap();
        drain.join().unwrap();
        drop(client);
        driver.join().unwrap();
    });
}

#[test]
fn whoever_sees_the_answer_finds_the_event() {
    model(3, || {
        let (client, driver) = open(&Server::with(|wire| wire.events = true));
        let mut events = client.events().subscribe();
        let driver = drive(driver);
        block_on(client.execute("x")).unwrap();
        assert!(matches!(events.try_recv(), Some(EventItem::Event(_))));
        drop(client);
        driver.join().unwrap();
        assert!(block_on(events.recv()).is_none());
    });
}

#[test]
fn a_reader_of_events_is_woken_by_each_and_by_the_end() {
    model(2, || {
        let (client, driver) = open(&Server::with(|wire| wire.events = true));
        let mut events = client.events().subscribe();
        let driver = drive(driver);
        let reader = thread::spawn(move || {
            block_on(async {
                assert!(matches!(events.recv().await, Some(EventItem::Event(_))));
                assert!(events.recv().await.is_none());
            });
        });
        block_on(client.execute("x")).unwrap();
        drop(client);
        driver.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_command_that_meets_the_end_of_the_stream_says_so() {
    model(2, || {
        let (client, driver) =
            open(&Server::with(|wire| (wire.silent, wire.closed) = (true, true)));
        let driver = drive(driver);
        let error = block_on(client.execute("x")).unwrap_err();
        assert!(error.is_disconnected(), "{error}");
        driver.join().unwrap();
    });
}

#[test]
fn an_abort_reaches_every_waiter() {
    model(2, || {
        let (client, driver) = open(&Server::with(|wire| wire.silent = true));
        let other = client.clone();
        let driver = drive(driver);
        let task = thread::spawn(move || {
            let error = block_on(other.execute("x")).unwrap_err();
            assert!(error.is_disconnected());
            assert!(matches!(block_on(other.closed()), CloseReason::ByUs));
        });
        client.abort();
        driver.join().unwrap();
        task.join().unwrap();
    });
}

#[test]
fn a_dropped_command_costs_no_other_its_answer() {
    model(2, || {
        let (client, driver) = open(&Server::default());
        let other = client.clone();
        let driver = drive(driver);
        let task = thread::spawn(move || block_on(touch(other.execute("x"))));
        block_on(client.execute("x")).unwrap();
        task.join().unwrap();
        drop(client);
        driver.join().unwrap();
    });
}

/// It waits for the handshake, and its task does something else then.
#[test]
fn a_queued_command_that_is_not_polled_holds_up_no_other() {
    model(1, || {
        let (client, driver) = greeted();
        let mut held = client.execute("x");
        block_on(poll_fn(|cx| Poll::Ready(pin!(&mut held).poll(cx).is_pending())));
        let driver = drive(driver);
        block_on(client.execute("x")).unwrap();
        block_on(held).unwrap();
        drop(client);
        driver.join().unwrap();
    });
}

/// Both come while the handshake ends, and the driver may pass over either.
#[test]
fn queued_commands_are_sent_whenever_they_are_polled() {
    model(1, || {
        let (client, driver) = greeted();
        let mut first = client.execute("x");
        block_on(poll_fn(|cx| Poll::Ready(pin!(&mut first).poll(cx).is_pending())));
        let driver = drive(driver);
        let task = thread::spawn(move || {
            block_on(first).unwrap();
        });
        block_on(client.execute("x")).unwrap();
        task.join().unwrap();
        drop(client);
        driver.join().unwrap();
    });
}

/// The driver ends while a command is being sent: it is sent and lost, or not sent.
#[test]
fn a_driver_that_is_dropped_leaves_nobody_waiting() {
    model(3, || {
        let (client, driver) = open(&Server::with(|wire| wire.silent = true));
        let dropper = thread::spawn(move || drop(driver));
        let error = block_on(client.execute("x")).unwrap_err();
        assert!(error.is_disconnected());
        assert!(matches!(error.outcome(), Outcome::Unknown | Outcome::NotSent));
        dropper.join().unwrap();
        assert!(matches!(client.state(), State::Closed(_)));
    });
}

#[test]
fn close_waits_for_the_answer() {
    model(2, || {
        let (client, driver) = open(&Server::default());
        let other = client.clone();
        let driver = drive(driver);
        let task = thread::spawn(move || {
            if let Err(error) = block_on(other.execute("x")) {
                assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
            }
        });
        block_on(client.close()).unwrap();
        task.join().unwrap();
        assert!(matches!(driver.join().unwrap(), CloseReason::ByUs));
    });
}

/// The last connection's driver and subscriber meet the new connection.
#[test]
fn a_subscriber_is_told_of_a_new_connection_whatever_the_last_one_does() {
    model(2, || {
        let (client, driver) = open(&Server::with(|wire| wire.events = true));
        let mut plain = client.events().subscribe();
        let mut events = client.events().subscribe_persistent();
        let last = drive(driver);
        client.abort();
        let builder = Builder::<()>::default().negotiated().reconnecting(&client);
        let next = Server::with(|wire| wire.events = true);
        let (_, driver) = builder.build_over(next, "model").unwrap();
        let next = drive(driver);
        block_on(client.execute("x")).unwrap();
        assert!(matches!(events.try_recv(), Some(PersistentItem::Disconnected(_))));
        assert!(matches!(events.try_recv(), Some(PersistentItem::Reconnected)));
        assert!(matches!(events.try_recv(), Some(PersistentItem::Event(_))));
        assert!(block_on(plain.recv()).is_none());
        drop(client);
        last.join().unwrap();
        next.join().unwrap();
        assert!(matches!(events.try_recv(), Some(PersistentItem::Disconnected(_))));
        assert!(block_on(events.recv()).is_none());
    });
}

/// The end is published while another thread looks for it.
#[test]
fn a_task_that_sees_the_end_finds_the_notice_of_it() {
    model(3, || {
        let (client, driver) = open(&Server::with(|wire| wire.closed = true));
        let mut events = client.events().subscribe_persistent();
        let mut plain = client.events().subscribe();
        let driver = drive(driver);
        assert!(matches!(block_on(client.closed()), CloseReason::Closed));
        assert!(matches!(events.try_recv(), Some(PersistentItem::Disconnected(_))));
        assert!(block_on(plain.recv()).is_none());
        driver.join().unwrap();
    });
}

/// The connection is replaced while the task begins to wait.
#[test]
fn a_task_that_waits_for_a_new_connection_is_woken_by_it() {
    model(3, || {
        let (client, driver) = open(&Server::default());
        client.abort();
        assert!(matches!(block_on(driver), CloseReason::ByUs));
        let waiting = thread::spawn({
            let client = client.clone();
            move || {
                let state = block_on(client.state_after(&State::Closed(CloseReason::ByUs)));
                assert!(matches!(state, State::Ready), "{state:?}");
            }
        });
        let builder = Builder::<()>::default().negotiated().reconnecting(&client);
        let (_, driver) = builder.build_over(Server::default(), "model").unwrap();
        waiting.join().unwrap();
        drop((client, driver));
    });
}

/// Though it closes at once, and the future has not been polled before.
#[test]
fn a_deferred_future_is_completed_before_the_connection_closes() {
    model(2, || {
        let server = Server::default();
        let (client, driver) = open(&server);
        let driver = drive(driver);
        drop(client.defer(client.execute("x")));
        block_on(client.close()).unwrap();
        assert_eq!(server.0.lock().unwrap().commands, 1);
        drop(client);
        driver.join().unwrap();
    });
}

/// It is completed, or dropped with the connection: nothing is left of it in either case.
#[test]
fn a_deferred_future_that_meets_the_end_of_the_connection_is_dropped() {
    model(2, || {
        let (client, driver) = open(&Server::default());
        let driver = drive(driver);
        let held = Arc::new(());
        let left = Arc::downgrade(&held);
        let (command, deferring) = (client.execute("x"), client.clone());
        let deferring = thread::spawn(move || {
            drop(deferring.defer(async move {
                let _held = held;
                let _ = command.await;
            }));
        });
        client.abort();
        deferring.join().unwrap();
        driver.join().unwrap();
        assert!(left.upgrade().is_none());
    });
}

#[test]
fn the_last_client_gives_a_silent_server_its_end_to_close() {
    model(2, || {
        let server = Server::with(|wire| wire.silent = true);
        let (client, driver) = open(&server);
        let driver = drive(driver);
        block_on(touch(client.execute("x")));
        assert_eq!(client.in_flight(), 1);
        drop(client);
        assert!(matches!(driver.join().unwrap(), CloseReason::ByUs));
        assert!(server.0.lock().unwrap().closed, "it was told");
    });
}

/// Nobody shows a message twice or forgets one, and the order is that of the wire.
#[test]
fn the_wire_is_shown_whole_whoever_shows_it() {
    model(2, || {
        let (client, driver) = open(&Server::default());
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        client.watch_wire(move |direction, _| log.lock().unwrap().push(direction));
        let other = client.clone();
        let driver = drive(driver);
        let task = thread::spawn(move || {
            block_on(other.execute("x")).unwrap();
        });
        block_on(client.execute("x")).unwrap();
        task.join().unwrap();
        drop(client);
        driver.join().unwrap();
        let seen = seen.lock().unwrap();
        let sent = seen.iter().filter(|it| **it == qmp_driver::Direction::Sent).count();
        assert_eq!((sent, seen.len()), (2, 4), "{seen:?}");
        assert_eq!(seen[0], qmp_driver::Direction::Sent);
    });
}

/// A waker that uses the client: woken or dropped under one of its locks, it would wait for itself.
struct Meddler(Client, Waker);

impl std::task::Wake for Meddler {
    fn wake(self: Arc<Self>) {
        drop(self.0.state());
        self.1.wake_by_ref();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        drop(self.0.state());
    }
}

async fn meddle<F: Future + Unpin>(client: &Client, mut future: F) -> F::Output {
    poll_fn(|cx| {
        let waker = Waker::from(Arc::new(Meddler(client.clone(), cx.waker().clone())));
        std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[test]
fn no_waker_runs_under_a_lock() {
    model(2, || {
        let (client, driver) = open(&Server::with(|wire| wire.events = true));
        let other = client.clone();
        let driver = drive(driver);
        let task = thread::spawn(move || {
            let event = other.event();
            block_on(meddle(&other, other.execute("x"))).unwrap();
            block_on(meddle(&other, event)).unwrap();
        });
        task.join().unwrap();
        client.abort();
        block_on(meddle(&client, pin!(client.closed())));
        drop(client);
        driver.join().unwrap();
    });
}
