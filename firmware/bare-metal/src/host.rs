//! What the machine gives that runs the emulator, or the debugger: semihosting.
//!
//! A product has a random number generator and a timer of its own instead, and nobody to tell.

use core::fmt::{self, Write};

use semihosting::fd::AsFd;
use semihosting::process;
use semihosting::sys::arm_compat::{OpenMode, sys_open, sys_read_orig, sys_time, sys_writec};

use crate::{Stack, Trouble};

/// Prints one line.
pub fn say(text: fmt::Arguments<'_>) {
    // The console takes everything.
    let _ = Console.write_fmt(text);
    sys_writec(b'\n');
}

/// Seconds since some beginning.
pub fn seconds() -> usize {
    sys_time().unwrap_or(0)
}

/// A number that nobody can foresee, if one is to be had.
pub fn random() -> Option<u64> {
    let source = sys_open(c"/dev/urandom", OpenMode::RDONLY_BINARY).ok()?;
    let mut bytes = [0; 8];
    let missing = sys_read_orig(source.as_fd(), &mut bytes).ok()?;
    (missing == 0).then(|| u64::from_ne_bytes(bytes))
}

/// Says how it went.
pub fn report(outcome: &Result<(), Trouble>, stack: &Stack) {
    let (used, size) = (stack.used(), stack.size());
    match outcome {
        Ok(()) => say(format_args!("done; stack {used} of {size} bytes")),
        Err(trouble) => say(format_args!("failed: {trouble}; stack {used} of {size} bytes")),
    }
}

/// Ends the emulation, with success or without.
pub fn exit(success: bool) -> ! {
    process::exit(if success { 0 } else { 1 })
}

struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(sys_writec);
        Ok(())
    }
}
