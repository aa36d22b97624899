//! Output in the caller's memory.

use core::fmt;

use crate::output::{BufferFull, NoDescriptor, OutputBuffer};

/// An output buffer in a slice of fixed length.
///
/// ```
/// use qmp_proto::{FixedOutput, OutputBuffer};
///
/// let mut memory = [0; 8];
/// let mut output = FixedOutput::new(&mut memory);
/// output.append(b"12345678").unwrap();
/// assert!(output.append(b"9").is_err());
/// assert_eq!(output.bytes(), b"12345678");
/// output.advance(6);
/// assert_eq!(output.bytes(), b"78");
/// ```
pub struct FixedOutput<'a> {
    memory: &'a mut [u8],
    length: usize,
}

impl<'a> FixedOutput<'a> {
    /// Creates an empty output buffer of `memory.len()` bytes.
    pub const fn new(memory: &'a mut [u8]) -> Self {
        Self { memory, length: 0 }
    }

    /// Returns the bytes to be sent.
    pub fn bytes(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }

    /// Removes the first `count` bytes, which were sent, or all if there are fewer.
    pub fn advance(&mut self, count: usize) {
        let unsent = self.memory.get_mut(..self.length).unwrap_or_default();
        let count = count.min(unsent.len());
        unsent.copy_within(count.., 0);
        self.length -= count;
    }
}

/// Omits the bytes, because commands can contain passwords.
impl fmt::Debug for FixedOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedOutput")
            .field("unsent", &self.length)
            .field("room", &self.memory.len())
            .finish()
    }
}

impl OutputBuffer for FixedOutput<'_> {
    type Descriptor = NoDescriptor;

    fn length(&self) -> usize {
        self.length
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        let room = self.memory.get_mut(self.length..self.length + bytes.len()).ok_or(BufferFull)?;
        room.copy_from_slice(bytes);
        self.length += bytes.len();
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    fn attach(&mut self, _: usize, descriptor: NoDescriptor) {
        match descriptor {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_bytes_make_room() {
        let mut memory = [0; 8];
        let mut output = FixedOutput::new(&mut memory);
        output.append(b"12345678").unwrap();
        output.advance(3);
        assert_eq!((output.bytes(), output.length()), (&b"45678"[..], 5));
        assert_eq!(output.append(b"9012"), Err(BufferFull));
        output.append(b"901").unwrap();
        output.advance(1);
        assert_eq!(output.bytes(), b"5678901");
        output.truncate(2);
        output.truncate(5);
        assert_eq!(output.bytes(), b"56");
        output.advance(usize::MAX);
        assert_eq!(output.bytes(), b"");
    }
}
