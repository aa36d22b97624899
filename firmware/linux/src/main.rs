//! Controls a QEMU without Rust's standard library: `without-std /run/vm.qmp`.
//!
//! It uses only `core`, `alloc` over the C library's `malloc`, serde, and the system calls of
//! rustix. The program starts where the C library does.

#![no_std]
#![no_main]

extern crate alloc;

mod conversation;
mod print;
mod trouble;

use core::ffi::{CStr, c_char, c_int};
use core::panic::PanicInfo;

use print::print;

#[global_allocator]
static MALLOC: libc_alloc::LibcAlloc = libc_alloc::LibcAlloc;

/// Called by the C library, with the path of the socket as the only argument.
// The C library defines the name and the arguments.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
unsafe extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    if count != 2 {
        print(format_args!("usage: without-std SOCKET"));
        return 2;
    }
    // SAFETY: there are two arguments, and they are strings for as long as the program runs.
    let path = unsafe { CStr::from_ptr(*arguments.add(1)) };
    match conversation::hold(path) {
        Ok(()) => 0,
        Err(error) => {
            print(format_args!("without-std: {}: {error}", path.to_string_lossy()));
            1
        }
    }
}

/// Prints the reason and exits: `alloc` panics if a length exceeds its maximum.
#[allow(unsafe_code)]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print(format_args!("without-std: {info}"));
    // SAFETY: it can be called at any time.
    unsafe { libc::abort() }
}

/// `alloc` is compiled for unwinding and refers to these two. Nothing unwinds here, so they are
/// never called.
#[allow(unsafe_code)]
mod unwinding {
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() {}
}
