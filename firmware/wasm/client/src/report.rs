//! Text in memory of fixed size.

use core::fmt::{self, Write};

#[derive(Debug)]
pub(crate) struct Report<'m> {
    memory: &'m mut [u8],
    length: usize,
}

impl<'m> Report<'m> {
    pub(crate) const fn new(memory: &'m mut [u8]) -> Self {
        Self { memory, length: 0 }
    }

    /// Adds a line. Text that does not fit is left out.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) {
        let _ = self.write_fmt(text);
        let _ = self.write_str("\n");
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }
}

impl Write for Report<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.memory.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
