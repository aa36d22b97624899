//! Can panic, and so must not link: the proof that the other images would not either.

#![no_std]
#![no_main]

use bare_metal::{Trouble, Uart, host, start};

start!(run);

fn run() -> Result<(), Trouble> {
    let received = Uart::enable().receive().map_or(0, usize::from);
    // Nobody knows what comes over the line.
    #[allow(clippy::indexing_slicing)]
    host::say(format_args!("{}", [1, 2, 3][received]));
    Ok(())
}
