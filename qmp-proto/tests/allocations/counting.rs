//! An allocator that counts allocations per thread.
// Implementing an allocator is unsafe. This one forwards every call to the system's allocator.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST_HELD: Cell<usize> = const { Cell::new(0) };
}

/// Returns the number of allocations during a call.
pub(crate) fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// Returns the peak of allocated bytes during a call, above those allocated before.
#[cfg_attr(not(feature = "alloc"), allow(dead_code))]
pub(crate) fn most_held(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST_HELD.set(before);
    work();
    MOST_HELD.get() - before
}

fn took(bytes: usize) {
    COUNT.set(COUNT.get() + 1);
    HELD.set(HELD.get() + bytes);
    MOST_HELD.set(MOST_HELD.get().max(HELD.get()));
}

fn gave_back(bytes: usize) {
    // Memory allocated by another thread is not counted here.
    HELD.set(HELD.get().saturating_sub(bytes));
}

// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        gave_back(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old and the new memory may be allocated at the same time.
        took(size);
        gave_back(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(memory, layout, size) }
    }
}
