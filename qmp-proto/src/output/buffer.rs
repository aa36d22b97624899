//! The trait of all places for outgoing bytes.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// The descriptor type of sinks that carry none: it has no values.
pub type NoDescriptor = core::convert::Infallible;

/// Takes the bytes of outgoing messages, and the descriptors that travel with them.
///
/// A message is written all or nothing: when it does not fit, what was appended of it is truncated
/// away again. Implemented by [`FixedOutput`](crate::FixedOutput) over memory of the caller's and,
/// with an allocator, by `Vec<u8>` and `Output`.
pub trait OutputBuffer {
    /// What a descriptor is here: an owned descriptor, [`NoDescriptor`], an integer in a test.
    type Descriptor;

    /// How many bytes it holds.
    fn length(&self) -> usize;

    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// If there is no room for all of them; then none is added.
    fn append(&mut self, bytes: &[u8]) -> Result<(), BufferFull>;

    /// Takes away all bytes after the first `length`.
    fn truncate(&mut self, length: usize);

    /// Pins a descriptor to the byte at `at`, the first of its command: servers take a descriptor
    /// that comes with any byte up to the command's last, but one that comes earlier could end up
    /// with another command.
    fn attach(&mut self, at: usize, descriptor: Self::Descriptor);

    /// The bytes as a growable vector to append to, if that is what they are; spares a copy.
    #[cfg(feature = "alloc")]
    fn as_vec(&mut self) -> Option<&mut Vec<u8>> {
        None
    }
}

/// There is no room for the message in a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

impl fmt::Display for BufferFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the message in the output buffer")
    }
}

impl core::error::Error for BufferFull {}

/// Appends a message all or nothing.
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

    fn as_vec(&mut self) -> Option<&mut Vec<u8>> {
        Some(self)
    }
}
