//! Measures the maximum use of the stack.

use core::ptr;

const PAINT: u32 = 0xA5A5_A5A5;

/// The bytes left unpainted below the caller, because painting itself uses some.
const MARGIN: usize = 256;

/// The stack, painted where it was not in use yet. It grows down into the paint.
#[derive(Debug)]
pub struct Stack {
    bottom: *mut u32,
    top: *mut u32,
}

// The linker's symbols are addresses, and the memory below the stack pointer is unused.
#[allow(unsafe_code)]
impl Stack {
    /// Paints all free memory.
    #[inline(never)]
    pub fn paint() -> Self {
        unsafe extern "C" {
            // Both runtimes use these names for the end of static memory and the start of the
            // stack.
            static mut __ebss: u32;
            static mut _stack_start: u32;
        }
        let stack = Self { bottom: &raw mut __ebss, top: &raw mut _stack_start };
        let here = ptr::from_ref(&stack).addr();
        let mut word = stack.bottom;
        while word.addr() + MARGIN < here {
            // SAFETY: above static memory and well below the used part of the stack.
            unsafe {
                word.write_volatile(PAINT);
                word = word.add(1);
            }
        }
        stack
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> usize {
        self.top.addr() - self.bottom.addr()
    }

    /// Returns the maximum number of bytes that were in use.
    pub fn used(&self) -> usize {
        let mut word = self.bottom;
        // SAFETY: everything from the end of static memory to the start of the stack is memory.
        while word < self.top && unsafe { word.read_volatile() } == PAINT {
            word = unsafe { word.add(1) };
        }
        self.top.addr() - word.addr()
    }
}
