//! Keeps the process small after it was busy.

/// Makes glibc give large blocks back to the system when they are freed.
///
/// By itself it learns from the first password hash (19 MiB) to keep such blocks, on each thread: 20 people who sign in
/// at once would leave 230 MB behind. Call it before threads are started. Does nothing with other C libraries.
pub fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    {
        const THRESHOLD: libc::c_int = 1 << 20;
        #[expect(unsafe_code, reason = "glibc has no other way; these calls only set two numbers")]
        // SAFETY: mallopt takes plain integers and is called before other threads allocate.
        let set = unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD) == 1 && libc::mallopt(libc::M_ARENA_MAX, 2) == 1
        };
        if !set {
            tracing::debug!("the allocator's defaults stay");
        }
    }
}
