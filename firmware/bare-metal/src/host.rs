//! Services of the machine that runs the emulator or the debugger, through semihosting.
//!
//! A product has its own random number generator and timer instead, and no console.

use core::fmt::{self, Write};

use semihosting::fd::AsFd;
use semihosting::process;
use semihosting::sys::arm_compat::{OpenMode, sys_open, sys_read_orig, sys_time, sys_writec};

use crate::{Stack, Trouble};

/// Prints one line.
pub fn say(text: fmt::Arguments<'_>) {
    // The console accepts everything.
    let _ = Console.write_fmt(text);
    sys_writec(b'\n');
}

/// Returns the seconds since an arbitrary start.
pub fn seconds() -> usize {
    sys_time().unwrap_or(0)
}

/// Returns an unpredictable number, if one is available.
pub fn random() -> Option<u64> {
    let source = sys_open(c"/dev/urandom", OpenMode::RDONLY_BINARY).ok()?;
    let mut bytes = [0; 8];
    let missing = sys_read_orig(source.as_fd(), &mut bytes).ok()?;
    (missing == 0).then(|| u64::from_ne_bytes(bytes))
}

/// Prints the result.
pub fn report(outcome: &Result<(), Trouble>, stack: &Stack) {
    let (used, size) = (stack.used(), stack.size());
    match outcome {
        Ok(()) => say(format_args!("done; stack {used} of {size} bytes")),
        Err(trouble) => say(format_args!("failed: {trouble}; stack {used} of {size} bytes")),
    }
}

/// Ends the emulation, successfully or not.
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
