//! Growing output with descriptors.

use alloc::vec::Vec;
use core::fmt;

use crate::output::{BufferFull, NoDescriptor, OutputBuffer};

/// A larger buffer is freed when it becomes empty.
const KEPT: usize = 64 * 1024;

/// An upper bound for the bytes that follow the arguments in a message.
const BEHIND: usize = 64;

/// A growing output buffer, with a file descriptor that is attached to one of its bytes.
///
/// There is at most one descriptor, because the client sends no second command with a descriptor
/// before the first is answered.
///
/// ```
/// use qmp_proto::{Output, OutputBuffer};
///
/// let mut output = Output::<u32>::new();
/// output.append(b"ab").unwrap();
/// output.attach(2, 7); // an integer stands for a descriptor here
/// output.append(b"cd").unwrap();
///
/// let chunk = output.chunk().unwrap();
/// assert_eq!((chunk.bytes, chunk.descriptor), (&b"ab"[..], None));
/// assert_eq!(output.advance(2), None);
/// let chunk = output.chunk().unwrap();
/// assert_eq!((chunk.bytes, chunk.descriptor), (&b"cd"[..], Some(&7)));
/// assert_eq!(output.advance(1), Some(7), "it was sent with its first byte");
/// assert_eq!(output.chunk().unwrap().bytes, b"d");
/// ```
pub struct Output<F = NoDescriptor> {
    bytes: Vec<u8>,
    /// The number of bytes at the start that were sent.
    sent: usize,
    /// A descriptor, and the position of its byte.
    descriptor: Option<(usize, F)>,
}

/// The bytes and the descriptor for one system call.
#[non_exhaustive]
pub struct OutputChunk<'a, F> {
    /// The bytes, never empty.
    pub bytes: &'a [u8],
    /// The descriptor to be sent with the first byte.
    pub descriptor: Option<&'a F>,
}

/// Omits the bytes, because commands can contain passwords.
impl<F> fmt::Debug for OutputChunk<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputChunk")
            .field("bytes", &self.bytes.len())
            .field("descriptor", &self.descriptor.is_some())
            .finish()
    }
}

impl<F> Output<F> {
    /// Creates an empty output buffer.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), sent: 0, descriptor: None }
    }

    /// Returns the next chunk to be sent: the bytes before an attached descriptor, or those from
    /// its byte on.
    pub fn chunk(&self) -> Option<OutputChunk<'_, F>> {
        let (end, descriptor) = match &self.descriptor {
            Some((at, descriptor)) if *at <= self.sent => (self.bytes.len(), Some(descriptor)),
            Some((at, _)) => (*at, None),
            None => (self.bytes.len(), None),
        };
        let bytes = self.bytes.get(self.sent..end).filter(|bytes| !bytes.is_empty())?;
        Some(OutputChunk { bytes, descriptor })
    }

    /// Returns the bytes that were appended after the buffer had this
    /// [`length`](OutputBuffer::length), for a log of the wire.
    pub fn appended_since(&self, length: usize) -> &[u8] {
        self.bytes.get(length..).unwrap_or_default()
    }

    /// Returns the number of bytes to be sent.
    pub fn unsent(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Returns whether there are no bytes to be sent.
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Removes the first `count` bytes of [`chunk`](Self::chunk), which were sent, and returns the
    /// descriptor that was sent with them, to be closed.
    pub fn advance(&mut self, count: usize) -> Option<F> {
        let before = self.sent;
        self.sent = self.bytes.len().min(self.sent.saturating_add(count));
        let left = self.descriptor.take_if(|(at, _)| *at <= before && self.sent > before);
        if self.is_empty() {
            self.bytes.clear();
            self.sent = 0;
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        } else if self.sent >= KEPT && self.sent >= self.unsent() {
            // The buffer may never become empty. Per sent byte, this moves at most one byte.
            self.bytes.drain(..self.sent);
            if let Some((at, _)) = &mut self.descriptor {
                *at -= self.sent;
            }
            self.sent = 0;
        }
        left.map(|(_, descriptor)| descriptor)
    }
}

impl<F> fmt::Debug for Output<F> {
    /// Omits the bytes, because commands can contain passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("unsent", &self.unsent())
            .field("descriptor", &self.descriptor.is_some())
            .finish_non_exhaustive()
    }
}

impl<F> Default for Output<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> OutputBuffer for Output<F> {
    type Descriptor = F;

    fn length(&self) -> usize {
        self.bytes.len()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        if bytes.len() > KEPT {
            // The few bytes after a long value must not double its memory.
            self.bytes.reserve_exact(bytes.len() + BEHIND);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length.max(self.sent));
        self.descriptor.take_if(|(at, _)| *at >= length);
    }

    fn attach(&mut self, at: usize, descriptor: F) {
        self.descriptor = Some((at, descriptor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_output_frees_the_memory_of_long_messages() {
        let mut output = Output::<u32>::new();
        assert!(output.is_empty());
        output.append(&[0; 2 * KEPT]).unwrap();
        assert!(!output.is_empty());
        output.advance(2 * KEPT);
        assert!(output.is_empty());
        assert_eq!((output.length(), output.bytes.capacity()), (0, 0));
        output.append(&[0; KEPT]).unwrap();
        output.advance(KEPT);
        assert_eq!((output.length(), output.bytes.capacity()), (0, KEPT), "this much is kept");
    }

    #[test]
    fn few_unsent_bytes_use_little_memory() {
        let mut output = Output::<u32>::new();
        for _ in 0..10_000 {
            output.append(&[0; 100]).unwrap();
            output.advance(output.unsent() - 1);
            assert!(output.bytes.len() <= KEPT + 200);
        }
    }

    #[test]
    fn an_output_that_is_never_empty_does_not_grow() {
        let mut output = Output::<u32>::new();
        let mut expected = 0_u64;
        for number in 0..1_000_000_u64 {
            if number % 100_000 == 50_000 {
                let at = output.length();
                output.attach(at, 7);
            }
            output.append(&number.to_le_bytes()).unwrap();
            if output.unsent() > 100 * 1024 {
                for _ in 0..100 {
                    let next = output.chunk().unwrap();
                    let bytes = u64::from_le_bytes(next.bytes[..8].try_into().unwrap());
                    assert_eq!(bytes, expected);
                    let carries = expected % 100_000 == 50_000;
                    assert_eq!(next.descriptor.is_some(), carries, "at {expected}");
                    assert_eq!(output.advance(8), carries.then_some(7));
                    expected += 1;
                }
            }
            assert!(output.bytes.len() < 300 * 1024);
        }
        assert!(expected > 900_000);
    }
}
