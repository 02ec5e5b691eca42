//! The monotonic clock that peers are dated by, and the system's where others must understand a time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seconds since the process started; setting the system's clock does not move it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u32 {
        u32::try_from(self.0.elapsed().as_secs()).unwrap_or(u32::MAX)
    }
}

/// Seconds since 1970, as the system's clock has it at the moment.
pub(crate) fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
