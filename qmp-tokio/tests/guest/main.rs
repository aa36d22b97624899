//! The client and a real guest: a small Linux with the agent of the same version as its QEMU, which
//! `cargo xtask guest` makes. It is emulated, so no KVM is needed.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

use conformance::server;

mod guest;
mod state;

/// Makes a module for each function, with a test for each version in it.
macro_rules! on_every_guest {
    ($($test:ident,)+) => { $(
        mod $test {
            #[test]
            fn v5_2() {
                crate::guest::on("5.2", super::$test);
            }

            #[test]
            fn v7_2() {
                crate::guest::on("7.2", super::$test);
            }

            #[test]
            fn v10_0() {
                crate::guest::on("10.0", super::$test);
            }

            #[test]
            fn v11_1() {
                crate::guest::on("11.1", super::$test);
            }
        }
    )+ };
}

mod absence;
mod files;
mod programs;
mod shutdown;
mod unplugging;
