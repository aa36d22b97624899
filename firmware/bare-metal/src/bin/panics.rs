//! Can panic, and so must not link, which proves that the other images cannot panic.

#![no_std]
#![no_main]

use bare_metal::{Trouble, Uart, host, start};

start!(run);

fn run() -> Result<(), Trouble> {
    let received = Uart::enable().receive().map_or(0, usize::from);
    // The compiler cannot know what arrives over the line.
    #[allow(clippy::indexing_slicing)]
    host::say(format_args!("{}", [1, 2, 3][received]));
    Ok(())
}
