//! The monotonic clock that dates peers, and the system's clock for times that leave the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Counts seconds since the process started; setting the system's clock does not move it. Each announce reads it, so it
/// is the cheapest that the system has, which advances a few hundred times a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Timespec);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(clock_gettime(ClockId::MonotonicCoarse))
    }

    pub(crate) fn now(self) -> u32 {
        u32::try_from((clock_gettime(ClockId::MonotonicCoarse) - self.0).tv_sec).unwrap_or(u32::MAX)
    }

    /// Second 0 of this clock, in seconds since 1970. It follows the system's clock when that is set.
    pub(crate) fn started(self) -> u64 {
        let running = Duration::try_from(clock_gettime(ClockId::Monotonic) - self.0).unwrap_or_default();
        let started = SystemTime::now().checked_sub(running).unwrap_or(UNIX_EPOCH);
        started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

/// Seconds since 1970 by the system's clock.
pub(crate) fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
