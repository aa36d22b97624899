//! How much of the stack is used at the most.

use core::ptr;

const PAINT: u32 = 0xA5A5_A5A5;

/// Left alone below whoever paints, in bytes: the painting itself needs some.
const MARGIN: usize = 256;

/// The stack, painted where it was not in use yet. It grows down into the paint.
#[derive(Debug)]
pub struct Stack {
    bottom: *mut u32,
    top: *mut u32,
}

// The linker's symbols are addresses, and the memory below the stack pointer is nobody's.
#[allow(unsafe_code)]
impl Stack {
    /// Paints all that is free.
    #[inline(never)]
    pub fn paint() -> Self {
        unsafe extern "C" {
            // Both runtimes call them so: where static memory ends and where the stack begins.
            static mut __ebss: u32;
            static mut _stack_start: u32;
        }
        let stack = Self { bottom: &raw mut __ebss, top: &raw mut _stack_start };
        let here = ptr::from_ref(&stack).addr();
        let mut word = stack.bottom;
        while word.addr() + MARGIN < here {
            // SAFETY: above static memory and well below what is in use of the stack.
            unsafe {
                word.write_volatile(PAINT);
                word = word.add(1);
            }
        }
        stack
    }

    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.top.addr() - self.bottom.addr()
    }

    /// How many bytes were in use at the most.
    pub fn used(&self) -> usize {
        let mut word = self.bottom;
        // SAFETY: from the end of static memory to the beginning of the stack all is memory.
        while word < self.top && unsafe { word.read_volatile() } == PAINT {
            word = unsafe { word.add(1) };
        }
        self.top.addr() - word.addr()
    }
}
