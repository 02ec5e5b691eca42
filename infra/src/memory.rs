//! Returns memory from the C allocator (glibc's malloc) to the system.

/// Returns free memory between used blocks to the system, which takes some milliseconds. It does nothing with other C
/// libraries than glibc.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "glibc has no other way; it takes its own locks")]
        // SAFETY: malloc_trim takes a plain integer and may be called at any time from any thread.
        let given = unsafe { libc::malloc_trim(0) };
        tracing::debug!(given, "gave free memory back");
    }
}

/// Makes glibc return blocks of at least `threshold` bytes to the system as soon as they are freed, and use at most
/// `arenas` heaps. To be called before threads are started. It does nothing with other C libraries.
///
/// By default glibc raises its threshold with each larger block that is freed, and then keeps blocks of that size for
/// each thread.
pub fn give_back_blocks(threshold: i32, arenas: Option<i32>) {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "glibc has no other way; these calls only set two numbers")]
        // SAFETY: mallopt takes plain integers and is called before other threads allocate.
        let set = unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, threshold) == 1
                && arenas.is_none_or(|arenas| libc::mallopt(libc::M_ARENA_MAX, arenas) == 1)
        };
        if !set {
            tracing::debug!("cannot set the allocator's parameters; its defaults stay");
        }
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = (threshold, arenas);
}
