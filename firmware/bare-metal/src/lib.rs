//! QMP from bare metal: what a firmware adds to `qmp-proto` to talk to a QEMU over a serial line.
//!
//! No operating system, no allocator, and no panic: an image that could panic does not link.

#![no_std]

mod board;
pub mod host;
mod line;
mod panic;
mod stack;

pub use board::Uart;
pub use line::{Line, Trouble};
pub use stack::Stack;

/// Runs a function when the board starts, and makes its result the exit code.
#[macro_export]
macro_rules! start {
    ($main:path) => {
        #[cfg(target_arch = "arm")]
        use cortex_m_rt::entry;
        #[cfg(target_arch = "riscv32")]
        use riscv_rt::entry;

        #[entry]
        fn start() -> ! {
            let stack = $crate::Stack::paint();
            let outcome = $main();
            $crate::host::report(&outcome, &stack);
            $crate::host::exit(outcome.is_ok())
        }
    };
}
