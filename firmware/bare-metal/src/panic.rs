//! The panic handler, which cannot be linked.

use core::panic::PanicInfo;

/// Calls a function that does not exist, so an image that could panic does not link.
#[allow(unsafe_code)]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn this_image_can_panic() -> !;
    }
    // SAFETY: it is never called, because there is no such function.
    unsafe { this_image_can_panic() }
}
