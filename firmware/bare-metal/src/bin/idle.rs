//! Everything but QMP: what the other images are measured against.

#![no_std]
#![no_main]

use bare_metal::{Trouble, Uart, host, start};

start!(run);

/// Starts, switches the line on, and says so.
fn run() -> Result<(), Trouble> {
    let mut uart = Uart::enable();
    uart.send(b'\n');
    host::say(format_args!("random: {}, line: {:?}", host::random().is_some(), uart.receive()));
    Ok(())
}
