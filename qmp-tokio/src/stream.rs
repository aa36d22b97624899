//! Any other stream.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use qmp_driver::{BorrowedDescriptor, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::{self, DriverTimer};

/// A transport over any stream that reads and writes: a TLS session, a pair of pipes joined with
/// `tokio::io::join`, one end of a `tokio::io::duplex`.
///
/// ```no_run
/// # async fn example(tls: tokio::net::TcpStream) -> Result<(), qmp_tokio::Error> {
/// use qmp_tokio::StreamTransport;
///
/// let transport = StreamTransport::new(tls);
/// let qemu = qmp_tokio::builder().connect_over(transport, "host:4444 over TLS").await?;
/// # Ok(())
/// # }
/// ```
///
/// QEMU 7.2 and earlier read one byte of a TLS record, and the rest only when the next record
/// arrives. For these versions, write one byte at a time to the TLS stream. Later versions read
/// whole records.
pub struct StreamTransport<S> {
    // Only the driver uses the stream, so the lock is never contended.
    stream: Mutex<Pin<Box<S>>>,
    clock: DriverTimer,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> StreamTransport<S> {
    /// Creates a transport over a connected stream.
    pub fn new(stream: S) -> Self {
        Self { stream: Mutex::new(Box::pin(stream)), clock: DriverTimer::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Pin<Box<S>>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Transport for StreamTransport<S> {
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(room);
        ready!(self.lock().as_mut().poll_read(cx, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        _: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        self.lock().as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().as_mut().poll_flush(cx)
    }

    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().as_mut().poll_shutdown(cx)
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.clock.poll_until(cx, deadline)
    }

    fn forget_deadline(&self) {
        self.clock.forget();
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn clock_runs_here(&self) -> bool {
        self.clock.runs_here()
    }
}

impl<S> fmt::Debug for StreamTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamTransport")
    }
}
