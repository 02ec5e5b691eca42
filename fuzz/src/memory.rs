//! Measures peak memory: an input must not make a parser allocate much more than the input's size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes allocated by this thread since counting began, and their maximum.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator, which counts the bytes of each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(more: usize, less: usize) {
    // A thread that ends still frees memory after its counter is destroyed.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = now.wrapping_add_unsigned(more).wrapping_sub_unsigned(less);
        held.set((now, most.max(now)));
    });
}

#[expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; the system's allocator does the work")]
// SAFETY: every call is passed on unchanged, and counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Runs `work` and returns its peak memory in bytes, beyond what was allocated before.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.replace((0, 0));
    let result = work();
    let (now, most) = HELD.get();
    HELD.set((before.0 + now, before.1.max(before.0 + most)));
    (result, most.unsigned_abs())
}
