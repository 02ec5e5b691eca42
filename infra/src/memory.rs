//! Keeps a process small after it was busy.

/// Gives free memory between blocks that are in use back to the system. Takes some milliseconds. Does nothing with other C
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

/// Makes glibc give blocks of `threshold` bytes and more back to the system as soon as they are freed, and use `arenas`
/// heaps at most.
///
/// By itself it learns from each larger block that was freed to keep such blocks, on each thread. Call it before threads
/// are started. Does nothing with other C libraries.
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
            tracing::debug!("the allocator's defaults stay");
        }
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = (threshold, arenas);
}
