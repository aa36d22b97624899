//! A stream as the driver sees it: readable only while its thread may wait.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake};
use std::time::Instant;

use qmp_driver::{Borrowed, Descriptor, Transport};

use crate::stream::{Interest, Readiness, Stream};

/// Whether the driver may read, and block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// Nothing is read.
    Idle,
    /// What is there is read.
    Try,
    /// One read blocks, or waits for what the driver waits for.
    Block,
}

/// What a thread and the transports that it drives share.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    mode: AtomicU8,
    /// The driver is to be polled before the thread may block again.
    woken: AtomicBool,
    awaited: Mutex<Awaited>,
}

/// What ends a wait besides bytes to read.
#[derive(Clone, Copy, Debug, Default)]
struct Awaited {
    room: bool,
    timer: Option<Instant>,
    /// The thread's own limit.
    limit: Option<Instant>,
}

impl Waits {
    pub(crate) fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Relaxed) == mode as u8
    }

    /// Whether blocking was allowed, and the driver has not read.
    pub(crate) fn may_still_block(&self) -> bool {
        self.is(Mode::Block)
    }

    pub(crate) fn set_limit(&self, limit: Option<Instant>) {
        self.awaited().limit = limit;
    }

    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::Acquire)
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    fn awaited(&self) -> MutexGuard<'_, Awaited> {
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

/// A stream that is read by the thread which waits for what comes.
#[derive(Debug)]
pub(crate) struct CallerTransport<S> {
    stream: Arc<S>,
    waits: Arc<Waits>,
    /// The time for streams without deadlines, where it stands still.
    opened: Instant,
}

impl<S: Stream> CallerTransport<S> {
    pub(crate) fn new(stream: Arc<S>, waits: Arc<Waits>) -> Self {
        Self { stream, waits, opened: Instant::now() }
    }

    /// Blocks until there is something to read; `None` if something else has ended the wait.
    fn wait(&self) -> io::Result<Option<()>> {
        let Awaited { room, timer, limit } = *self.waits.awaited();
        let until = timer.into_iter().chain(limit).min();
        // Reading alone, without a deadline, waits as well, and saves a system call.
        if !self.stream.has_deadlines() || (until.is_none() && !room) {
            return Ok(Some(()));
        }
        let interest = if room { Interest::ReadOrWrite } else { Interest::Read };
        let Readiness { read, .. } = self.stream.poll(interest, remaining(until))?;
        if !read {
            self.waits.woken.store(true, Ordering::Release);
        }
        Ok(read.then_some(()))
    }

    fn read<T>(&self, read: impl FnOnce() -> io::Result<T>) -> Poll<io::Result<T>> {
        self.waits.set_mode(Mode::Idle);
        match self.wait() {
            Ok(Some(())) => Poll::Ready(read()),
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn try_read(&self, room: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.stream.try_read(room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.waits.set_mode(Mode::Idle);
                Poll::Pending
            }
            read => Poll::Ready(read),
        }
    }
}

/// Waits for what a driver that does not read waits for; whether there is anything.
pub(crate) fn wait_without_reading(stream: &impl Stream, waits: &Waits) -> bool {
    let Awaited { room, timer, limit } = *waits.awaited();
    let until = timer.into_iter().chain(limit).min();
    if !stream.has_deadlines() || (until.is_none() && !room) {
        return false;
    }
    match remaining(until) {
        Some(time) if !room => std::thread::sleep(time),
        // An error comes again when the driver writes.
        time => drop(stream.poll(Interest::Write, time)),
    }
    waits.woken.store(true, Ordering::Release);
    true
}

fn remaining(until: Option<Instant>) -> Option<std::time::Duration> {
    until.map(|until| until.saturating_duration_since(Instant::now()))
}

impl<S: Stream> Transport for CallerTransport<S> {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waits.is(Mode::Idle) { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_read(&self, _: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.waits.is(Mode::Block) {
            self.read(|| self.stream.read(room))
        } else if self.waits.is(Mode::Try) {
            self.try_read(room)
        } else {
            Poll::Pending
        }
    }

    #[cfg(unix)]
    fn poll_read_with_descriptor(
        &self,
        _: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<(usize, Option<Descriptor>)>> {
        if self.waits.is(Mode::Try) {
            let ready = match self.stream.has_deadlines() {
                true => self.stream.poll(Interest::Read, Some(std::time::Duration::ZERO)),
                false => Ok(Readiness::default()),
            };
            match ready {
                Ok(Readiness { read: true, .. }) => {}
                Ok(_) => {
                    self.waits.set_mode(Mode::Idle);
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            return Poll::Ready(self.stream.read_with_descriptor(room));
        }
        if self.waits.is(Mode::Idle) {
            return Poll::Pending;
        }
        self.read(|| self.stream.read_with_descriptor(room))
    }

    fn poll_write(
        &self,
        _: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<Borrowed<'_>>,
    ) -> Poll<io::Result<usize>> {
        let written = self.try_write(bytes, descriptor);
        let full = matches!(&written, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.waits.awaited().room = full;
        if full { Poll::Pending } else { Poll::Ready(written) }
    }

    fn try_write(&self, bytes: &[u8], descriptor: Option<Borrowed<'_>>) -> io::Result<usize> {
        match descriptor {
            #[cfg(unix)]
            Some(descriptor) => self.stream.try_write_with_descriptor(bytes, descriptor),
            #[cfg(not(unix))]
            Some(never) => match *never {},
            None => self.stream.try_write(bytes),
        }
    }

    fn poll_until(&self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let over = self.now() >= deadline;
        self.waits.awaited().timer = (!over).then_some(deadline);
        if over { Poll::Ready(()) } else { Poll::Pending }
    }

    fn forget_deadline(&self) {
        self.waits.awaited().timer = None;
    }

    fn now(&self) -> Instant {
        if self.stream.has_deadlines() { Instant::now() } else { self.opened }
    }

    fn shutdown(&self, how: std::net::Shutdown) {
        self.stream.shutdown(how);
    }

    fn readers_share_the_thread(&self) -> bool {
        true
    }

    fn carries_descriptors(&self) -> bool {
        self.stream.carries_descriptors()
    }

    fn describe_silence(&self) -> String {
        self.stream.describe_silence()
    }

    fn describe_stop(&self) -> Option<String> {
        self.stream.describe_stop()
    }
}
