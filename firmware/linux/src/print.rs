//! Lines to standard output.

use core::fmt::{self, Write};

/// Prints a line.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    let mut output = Output;
    // If standard output is closed, the error cannot be reported.
    let _ = output.write_fmt(text).and_then(|()| output.write_str("\n"));
}

struct Output;

impl Write for Output {
    #[allow(unsafe_code)]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: nothing here closes it.
        let output = unsafe { rustix::stdio::stdout() };
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let written = rustix::io::write(output, rest).map_err(|_| fmt::Error)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}
