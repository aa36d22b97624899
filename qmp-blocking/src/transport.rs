//! The transport of a blocking stream: readable only while its thread waits.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

use qmp_driver::{BorrowedDescriptor, Descriptor, Socket, Transport};
use qmp_sockets::{Interest, SILENT, describe_silence, describe_stop};
#[cfg(unix)]
use qmp_sockets::{receive_with_descriptor, send_with_descriptor};

use crate::stream::Stream;

/// How often a thread that waits for an inherited socket checks whether another has aborted the
/// connection.
const ABORT_INTERVAL: Duration = Duration::from_millis(100);

/// Whether the driver may read and block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The driver does not read.
    Idle,
    /// The driver reads what is available without blocking.
    Try,
    /// One read may block, until bytes arrive or until another awaited condition holds.
    Block,
}

/// The state shared by a thread and the transports that it drives.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    mode: AtomicU8,
    /// The driver has to be polled before the thread may block again.
    woken: AtomicBool,
    awaited: Mutex<Awaited>,
}

/// The conditions besides readable bytes that end a wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Awaited {
    room: bool,
    timer: Option<Instant>,
    /// The deadline of the calling thread.
    pub(crate) limit: Option<Instant>,
}

impl Waits {
    /// Resets the state for a new driver.
    pub(crate) fn start(&self) {
        let mut awaited = self.awaited();
        (awaited.room, awaited.timer) = (false, None);
        self.woken.store(true, Ordering::Release);
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    pub(crate) fn is_in(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Relaxed) == mode as u8
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::Acquire)
    }

    pub(crate) fn awaited(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
    }
}

/// A stream that is read by the thread that waits.
#[derive(Debug)]
pub(crate) struct CallerTransport<S> {
    pub(crate) stream: Arc<S>,
    waits: Arc<Waits>,
    /// The constant time that [`Transport::now`] returns for streams without deadlines.
    opened: Instant,
}

impl<S: Stream> CallerTransport<S> {
    pub(crate) fn new(stream: Arc<S>, waits: Arc<Waits>) -> Self {
        Self { stream, waits, opened: Instant::now() }
    }

    fn poll_with<T>(&self, read: impl FnOnce() -> io::Result<T>) -> Poll<io::Result<T>> {
        let blocks = self.waits.is_in(Mode::Block) && self.stream.has_deadlines();
        if !self.wait_to_read()? {
            return Poll::Pending;
        }
        match read() {
            // The stream is nonblocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.waits.set_mode(Mode::Idle);
                if blocks {
                    self.stream.poll(Interest::Read, None)?;
                }
                Poll::Pending
            }
            read => Poll::Ready(read),
        }
    }

    /// Returns whether the stream may be read now. Blocks until it is readable if the mode allows
    /// it.
    fn wait_to_read(&self) -> io::Result<bool> {
        if self.waits.is_in(Mode::Block) {
            self.waits.set_mode(Mode::Idle);
            // If this poll has set a waker, a timer or more output, that has to be handled before
            // blocking.
            return Ok(!self.waits.is_woken() && wait(&*self.stream, &self.waits, Interest::Read)?);
        }
        if !self.waits.is_in(Mode::Try) || !self.stream.has_deadlines() {
            return Ok(false);
        }
        let ready = self.stream.poll(Interest::Read, Some(Duration::ZERO));
        if !matches!(ready, Ok(true)) {
            self.waits.set_mode(Mode::Idle);
        }
        ready
    }
}

/// Blocks until the stream is readable or until the first of the other awaited conditions holds.
/// Returns whether the stream is readable.
pub(crate) fn wait(stream: &impl Stream, waits: &Waits, interest: Interest) -> io::Result<bool> {
    let Awaited { room, timer, limit } = *waits.awaited();
    let until = timer.into_iter().chain(limit).min();
    let reads = interest == Interest::Read;
    // An inherited socket is not shut down when another thread aborts, so the wait has to be
    // interrupted to check for it.
    let interval = stream.socket().filter(|it| it.is_inherited()).map(|_| ABORT_INTERVAL);
    // Without a deadline, the blocking read itself waits, which saves a system call.
    if !stream.has_deadlines() || (until.is_none() && !room && interval.is_none()) {
        return Ok(reads);
    }
    let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
    let timeout = timeout.into_iter().chain(interval).min();
    let readable = match (reads, room) {
        (true, false) => stream.poll(Interest::Read, timeout)?,
        (true, true) => stream.poll(Interest::ReadOrWrite, timeout)?,
        (false, true) => stream.poll(Interest::Write, timeout)?,
        (false, false) => {
            std::thread::sleep(timeout.unwrap_or_default());
            false
        }
    };
    // If the driver does not read, it finds an error by writing.
    if !(reads && readable) {
        waits.woken.store(true, Ordering::Release);
    }
    Ok(readable)
}

impl<S: Stream> Transport for CallerTransport<S> {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waits.is_in(Mode::Idle) { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_read(&self, _: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_with(|| self.stream.read(room))
    }

    #[cfg(unix)]
    fn poll_read_with_descriptor(
        &self,
        _: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        self.poll_with(|| match self.stream.socket() {
            Some(socket) => receive_with_descriptor(socket, room),
            None => self.stream.read(room).map(|count| (count, None)),
        })
    }

    fn poll_write(
        &self,
        _: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        let written = self.try_write(bytes, descriptor);
        let full = matches!(&written, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.waits.awaited().room = full;
        if full { Poll::Pending } else { Poll::Ready(written) }
    }

    fn try_write(
        &self,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> io::Result<usize> {
        match (descriptor, self.stream.socket()) {
            (None, _) => self.stream.try_write(bytes),
            #[cfg(unix)]
            (Some(descriptor), Some(socket)) => send_with_descriptor(socket, bytes, descriptor),
            (Some(_), _) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn poll_until(&self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let over = self.now() >= deadline;
        self.waits.awaited().timer = (!over).then_some(deadline);
        if over && self.waits.is_in(Mode::Idle) {
            // What arrived before the deadline is read first.
            self.waits.set_mode(Mode::Try);
        }
        if over { Poll::Ready(()) } else { Poll::Pending }
    }

    fn forget_deadline(&self) {
        self.waits.awaited().timer = None;
    }

    fn now(&self) -> Instant {
        if self.stream.has_deadlines() { Instant::now() } else { self.opened }
    }

    fn shutdown(&self, how: std::net::Shutdown) {
        // This fails if the peer has already closed the connection, which is fine.
        let _ = self.stream.socket().map(|socket| socket.shutdown(how));
    }

    fn has_deadlines(&self) -> bool {
        self.stream.has_deadlines()
    }

    fn readers_share_the_thread(&self) -> bool {
        true
    }

    #[cfg(unix)]
    fn supports_descriptors(&self) -> bool {
        self.stream.socket().is_some_and(Socket::supports_descriptors)
    }

    fn describe_silence(&self) -> String {
        self.stream.socket().map_or_else(|| SILENT.to_owned(), describe_silence)
    }

    fn describe_stop(&self) -> Option<String> {
        self.stream.socket().and_then(describe_stop)
    }
}
