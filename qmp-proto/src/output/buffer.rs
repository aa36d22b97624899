//! The trait of output buffers.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// The descriptor type of output buffers without descriptors. It has no values.
pub type NoDescriptor = core::convert::Infallible;

/// A buffer for outgoing messages and the file descriptors sent with them.
///
/// A message is appended as a whole: if it does not fit, its first part is truncated again.
/// Implemented by [`FixedOutput`](crate::FixedOutput) for the caller's memory and, with an
/// allocator, by `Vec<u8>` and `Output`.
pub trait OutputBuffer {
    /// The descriptor type: an owned descriptor, [`NoDescriptor`], or an integer in a test.
    type Descriptor;

    /// Returns the number of bytes in the buffer.
    fn length(&self) -> usize;

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// If not all bytes fit; then none is appended.
    fn append(&mut self, bytes: &[u8]) -> Result<(), BufferFull>;

    /// Removes all bytes after the first `length`.
    fn truncate(&mut self, length: usize);

    /// Attaches a descriptor to the byte at `at`, the first byte of its command. Servers accept a
    /// descriptor that arrives with any byte of the command; one that arrives earlier could be
    /// assigned to another command.
    fn attach(&mut self, at: usize, descriptor: Self::Descriptor);
}

/// The message does not fit into the output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

impl fmt::Display for BufferFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message does not fit into the output buffer")
    }
}

impl core::error::Error for BufferFull {}

/// Appends a message as a whole or not at all.
pub(crate) fn whole<S: OutputBuffer, E>(
    out: &mut S,
    write: impl FnOnce(&mut S) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.length();
    let written = write(out);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

#[cfg(feature = "alloc")]
impl OutputBuffer for Vec<u8> {
    type Descriptor = NoDescriptor;

    fn length(&self) -> usize {
        self.len()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        Self::truncate(self, length);
    }

    fn attach(&mut self, _: usize, descriptor: NoDescriptor) {
        match descriptor {}
    }
}
