//! Everything except QMP: the baseline for the other images.

#![no_std]
#![no_main]

use bare_metal::{Trouble, Uart, host, start};

start!(run);

/// Starts, switches the line on, and prints a message.
fn run() -> Result<(), Trouble> {
    let mut uart = Uart::enable();
    uart.send(b'\n');
    host::say(format_args!("random: {}, line: {:?}", host::random().is_some(), uart.receive()));
    Ok(())
}
