//! Loads memory into the cache before it is needed, while the processor goes on with other work.

use super::Swarm;
use super::window::WindowStart;

/// Asks the processor for the cache line that `value` begins in, without waiting for it.
#[inline]
pub(super) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "a prefetch is a hint: it reads nothing and does not fault")]
        // SAFETY: SSE is part of x86-64, and any address may be prefetched.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

impl Swarm {
    /// Prefetches what the next announce of `member` reads: its peers' slots, and the window of up to `numwant` peers that
    /// `rng`, in the same state, will draw for it. `is_seeder` says that it lacks nothing. Changes nothing.
    pub fn prefetch(&self, member: u32, is_seeder: bool, numwant: u32, mut rng: fastrand::Rng) {
        WindowStart::random(&mut rng).prefetch(&self.districts, is_seeder, numwant);
        self.districts.prefetch(member);
    }
}
