//! TLS that QEMU before 8.0 can read.

use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use qmp_driver::{BorrowedDescriptor, Transport};

/// Writes one byte at a time, each of which becomes a record.
///
/// A monitor reads bytes one by one. Before QEMU 8.0, after it had read the first byte of a record,
/// it waited for the socket, and the other bytes stayed in the TLS buffer until the next record
/// arrived.
#[derive(Debug)]
pub(super) struct ByteByByte<T>(pub(super) T);

impl<T: Transport> Transport for ByteByByte<T> {
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, room)
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        descriptor: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, &bytes[..bytes.len().min(1)], descriptor)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_close(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close(cx)
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.0.poll_until(cx, deadline)
    }

    fn forget_deadline(&self) {
        self.0.forget_deadline();
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}
