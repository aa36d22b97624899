//! The client as a WebAssembly module that imports nothing: whoever runs it puts bytes into its
//! memory and calls it.
//!
//! WebAssembly has one thread, and nothing here calls back, so each call has all of the memory to
//! itself.

#![no_std]
// What is called from outside has names of its own, and memory of its own.
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

/// Starts anew, for a monitor (0) or an agent.
#[unsafe(no_mangle)]
pub extern "C" fn start(agent: u32) {
    // SAFETY: calls do not overlap, and the narrator that had the memory is gone.
    unsafe {
        (&raw mut NARRATOR).write(None);
        let (input, report) = ((&raw mut INPUT).as_mut(), (&raw mut REPORT).as_mut());
        let new = if agent == 0 { Narrator::monitor } else { Narrator::agent };
        let narrator = input.zip(report).map(|(input, report)| new(input, report));
        (&raw mut NARRATOR).write(narrator);
    }
}

/// Where bytes from the server are to be put.
#[unsafe(no_mangle)]
pub extern "C" fn room() -> usize {
    with(|narrator| narrator.room().as_ptr().addr())
}

/// How many bytes there is room for.
#[unsafe(no_mangle)]
pub extern "C" fn room_length() -> usize {
    with(|narrator| narrator.room().len())
}

/// So many bytes were put there, from the server.
#[unsafe(no_mangle)]
pub extern "C" fn hear(count: usize) {
    with(|narrator| narrator.hear(count));
}

/// So many bytes were put there: a message to send.
#[unsafe(no_mangle)]
pub extern "C" fn say(count: usize) {
    with(|narrator| {
        let mut message = [0; 4096];
        let said = narrator.room().get(..count).unwrap_or_default();
        let Some(copy) = message.get_mut(..said.len()) else { return };
        copy.copy_from_slice(said);
        narrator.say(core::str::from_utf8(copy).unwrap_or_default());
    });
}

/// The stream has ended.
#[unsafe(no_mangle)]
pub extern "C" fn end() {
    with(|narrator| narrator.end());
}

/// Where the report is.
#[unsafe(no_mangle)]
pub extern "C" fn report() -> usize {
    with(|narrator| narrator.report().as_ptr().addr())
}

/// How long the report is.
#[unsafe(no_mangle)]
pub extern "C" fn report_length() -> usize {
    with(|narrator| narrator.report().len())
}

/// Forgets the report.
#[unsafe(no_mangle)]
pub extern "C" fn clear() {
    with(|narrator| narrator.clear());
}

/// Calls what does not exist, and so would be imported: a module that imports nothing cannot panic.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn this_module_can_panic() -> !;
    }
    // SAFETY: it is never called.
    unsafe { this_module_can_panic() }
}
