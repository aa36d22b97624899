//! The client as a WebAssembly module that imports nothing: the host writes bytes to its memory and
//! calls it.
//!
//! WebAssembly has one thread, and nothing here calls back, so each call has exclusive access to
//! the memory.

#![no_std]
// Exported functions have fixed names and access raw memory.
#![allow(unsafe_code)]

use core::panic::PanicInfo;

use wasm_client::Narrator;

/// The longest recorded reply has 207 kB.
const ROOM: usize = 512 * 1024;

static mut INPUT: [u8; ROOM] = [0; ROOM];
static mut REPORT: [u8; ROOM] = [0; ROOM];
static mut NARRATOR: Option<Narrator<'static>> = None;

fn with<R: Default>(act: impl FnOnce(&mut Narrator<'static>) -> R) -> R {
    // SAFETY: calls do not overlap.
    let narrator = unsafe { (&raw mut NARRATOR).as_mut() };
    narrator.and_then(Option::as_mut).map(act).unwrap_or_default()
}

/// Starts again, for a monitor (0) or an agent.
#[unsafe(no_mangle)]
pub extern "C" fn start(agent: u32) {
    // SAFETY: calls do not overlap, and the narrator that used the memory is gone.
    unsafe {
        (&raw mut NARRATOR).write(None);
        let (input, report) = ((&raw mut INPUT).as_mut(), (&raw mut REPORT).as_mut());
        let new = if agent == 0 { Narrator::monitor } else { Narrator::agent };
        let narrator = input.zip(report).map(|(input, report)| new(input, report));
        (&raw mut NARRATOR).write(narrator);
    }
}

/// Returns where the host must write bytes from the server.
#[unsafe(no_mangle)]
pub extern "C" fn room() -> usize {
    with(|narrator| narrator.room().as_ptr().addr())
}

/// Returns how many bytes fit there.
#[unsafe(no_mangle)]
pub extern "C" fn room_length() -> usize {
    with(|narrator| narrator.room().len())
}

/// Handles this many bytes from the server, which the host has written there.
#[unsafe(no_mangle)]
pub extern "C" fn receive(count: usize) {
    with(|narrator| narrator.receive(count));
}

/// Handles this many bytes that the host has written there: a message to send.
#[unsafe(no_mangle)]
pub extern "C" fn send(count: usize) {
    with(|narrator| {
        let mut message = [0; 4096];
        let message_bytes = narrator.room().get(..count).unwrap_or_default();
        let Some(copy) = message.get_mut(..message_bytes.len()) else { return };
        copy.copy_from_slice(message_bytes);
        narrator.send(core::str::from_utf8(copy).unwrap_or_default());
    });
}

/// Handles the end of the stream.
#[unsafe(no_mangle)]
pub extern "C" fn end() {
    with(|narrator| narrator.end());
}

/// Returns the address of the report.
#[unsafe(no_mangle)]
pub extern "C" fn report() -> usize {
    with(|narrator| narrator.report().as_ptr().addr())
}

/// Returns the length of the report.
#[unsafe(no_mangle)]
pub extern "C" fn report_length() -> usize {
    with(|narrator| narrator.report().len())
}

/// Discards the report.
#[unsafe(no_mangle)]
pub extern "C" fn clear() {
    with(|narrator| narrator.clear());
}

/// Calls a function that does not exist and would be imported: a module that imports nothing cannot
/// panic.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn this_module_can_panic() -> !;
    }
    // SAFETY: it is never called.
    unsafe { this_module_can_panic() }
}
