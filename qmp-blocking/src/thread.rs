//! Runs the driver on the thread that waits.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use qmp_driver::{Address, Caller, ConnectError, Runtime, Socket, Stopped};
use qmp_sockets::{Interest, Listener};

use crate::stream::Stream;
use crate::transport::{CallerTransport, Mode, Waits, wait};

/// How long to sleep when nothing reports when to poll again.
const PAUSE: Duration = Duration::from_millis(1);

/// The runtime of one thread. Blocking work runs in place, and the driver runs while the thread
/// waits.
#[derive(Clone, Default)]
pub(crate) struct CallerThread(pub(crate) Arc<Shared<Socket>>);

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The state shared by the runtime and the thread.
pub(crate) struct Shared<S> {
    waits: Arc<Waits>,
    stream: Mutex<Option<Arc<S>>>,
    spawned: Mutex<Option<Task>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Stream> Shared<S> {
    fn transport(&self, stream: S) -> CallerTransport<S> {
        let stream = Arc::new(stream);
        *lock(&self.stream) = Some(Arc::clone(&stream));
        CallerTransport::new(stream, Arc::clone(&self.waits))
    }

    pub(crate) fn spawn(&self, driver: impl Future + Send + 'static) {
        let mut it = Box::pin(driver);
        // Unlike an async block, this holds the driver once.
        *lock(&self.spawned) = Some(Box::pin(poll_fn(move |cx| it.as_mut().poll(cx).map(drop))));
        // The driver has to set its timer before the thread blocks.
        self.waits.start();
    }
}

impl Runtime for CallerThread {
    type Transport = CallerTransport<Socket>;
    type Listener = Listener;

    fn transport(&self, socket: Socket) -> io::Result<Self::Transport> {
        // A nonblocking connect leaves the socket in nonblocking mode. Inherited sockets belong to
        // their owner and are not changed.
        if !socket.is_inherited() {
            socket.set_nonblocking(false)?;
        }
        Ok(self.0.transport(socket))
    }

    async fn unblock<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        work()
    }

    async fn sleep_until(&self, at: Instant) {
        thread::sleep(at.saturating_duration_since(Instant::now()));
    }

    async fn accept(
        &self,
        listener: &Listener,
        deadline: Option<Instant>,
    ) -> Result<(Socket, Address), ConnectError> {
        Ok((listener.accept(deadline)?, listener.local_address().clone()))
    }

    fn spawn<T: Send + 'static>(&self, driver: impl Future<Output = T> + Send + 'static) {
        self.0.spawn(driver);
    }
}

/// The calling thread's side of one connection.
pub struct Thread<S> {
    pub(crate) shared: Arc<Shared<S>>,
    task: RefCell<Option<Task>>,
    waker: Waker,
}

impl<S: Stream> Thread<S> {
    pub(crate) fn new(shared: &Arc<Shared<S>>) -> Self {
        let waker = Waker::from(Arc::clone(&shared.waits));
        Self { shared: Arc::clone(shared), task: RefCell::new(None), waker }
    }

    /// Creates the thread's side of a connected stream, and the transport for the driver.
    pub(crate) fn over(stream: S) -> (Self, CallerTransport<S>) {
        let thread = Self::new(&Arc::default());
        let transport = thread.shared.transport(stream);
        (thread, transport)
    }

    /// Writes what can be written without blocking.
    pub(crate) fn flush(&self) {
        self.poll_driver(Mode::Idle);
    }

    /// Polls the driver once. Returns `false` if polling it again cannot change anything.
    fn turn(&self, mode: Mode) -> bool {
        let waits = &self.shared.waits;
        // The driver has to set its timer and request a wakeup for writing before the thread
        // blocks.
        let woken = waits.take_woken();
        let mode = if woken && mode == Mode::Block { Mode::Idle } else { mode };
        if !self.poll_driver(mode) {
            return false;
        }
        if mode != Mode::Block || !waits.is_in(Mode::Block) || waits.is_woken() {
            return true;
        }
        // The driver is not reading at the moment. An error is reported again by its next write.
        let _ = self.stream().map(|stream| wait(&*stream, waits, Interest::Write));
        waits.is_woken()
    }

    /// Polls the driver. Returns `false` if there is none, or if it is being polled already.
    fn poll_driver(&self, mode: Mode) -> bool {
        // The task is already borrowed if a hook that the driver calls uses the client.
        let Ok(mut task) = self.task.try_borrow_mut() else {
            return false;
        };
        if task.is_none() {
            *task = lock(&self.shared.spawned).take();
        }
        let Some(driver) = task.as_mut() else {
            return false;
        };
        self.shared.waits.set_mode(mode);
        if driver.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
            self.shared.waits.set_mode(Mode::Idle);
            *task = None;
        }
        true
    }
}

impl<S: Stream> Caller for Thread<S> {
    type Stream = S;

    fn stream(&self) -> Option<Arc<S>> {
        lock(&self.shared.stream).clone()
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            match self.try_run(future.as_mut(), None) {
                Ok(output) => return output,
                // The future waits for something other than this connection.
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn try_run<F: Future>(&self, future: F, limit: Option<Instant>) -> Result<F::Output, Stopped> {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        let waits = &self.shared.waits;
        if limit.is_some() {
            waits.awaited().limit = limit;
        }
        let mut expired = false;
        let result = loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                break Ok(output);
            }
            // Data that arrived before the deadline counts, even if it is read later.
            if expired {
                break Err(Stopped::TimedOut);
            }
            expired = limit.is_some_and(|limit| Instant::now() >= limit);
            if !self.turn(if expired { Mode::Try } else { Mode::Block }) {
                break Err(Stopped::Stuck);
            }
        };
        if limit.is_some() {
            waits.awaited().limit = None;
        }
        result
    }

    fn run_now(&self) {
        while self.shared.waits.take_woken() {
            self.poll_driver(Mode::Idle);
        }
        self.poll_driver(Mode::Try);
    }
}

impl<S> Default for Shared<S> {
    fn default() -> Self {
        Self { waits: Arc::default(), stream: Mutex::new(None), spawned: Mutex::new(None) }
    }
}

impl<S> fmt::Debug for Thread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thread")
    }
}
