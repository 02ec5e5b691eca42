//! The bytes that a member can move, with all clients and torrents together.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Outcome;

const NANOSECONDS: u64 = 1_000_000_000;

/// The limit for one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRate {
    /// Bytes a second, both directions together.
    pub bytes_per_second: u64,
    /// Seconds of the rate that can be used at once: as many as a peer may be silent.
    pub window: u32,
}

/// A member's use of its [`MemberRate`], in one word: the nanosecond of the tracker's clock up to which the rate is
/// used up, which may lie up to one window ahead. A new one has its whole window, as its peers may be older than the
/// process. In `t` seconds a member is credited with at most `t + window` seconds of the rate.
#[derive(Debug, Default)]
pub struct Budget(AtomicU64);

impl Budget {
    /// Removes from `outcome` the bytes that the member cannot have moved by second `now`, and marks it as clamped.
    /// Received bytes count first: to drop them would be to the member's advantage.
    pub fn spend(&self, outcome: &mut Outcome, rate: MemberRate, now: u32) {
        let wanted = outcome.downloaded.saturating_add(outcome.uploaded);
        if wanted == 0 {
            return;
        }
        let granted = self.take(wanted, rate, now);
        if granted < wanted {
            outcome.downloaded = outcome.downloaded.min(granted);
            outcome.uploaded = outcome.uploaded.min(granted - outcome.downloaded);
            outcome.clamped = true;
        }
    }

    /// Takes up to `wanted` bytes and says how many.
    fn take(&self, wanted: u64, rate: MemberRate, now: u32) -> u64 {
        let bytes_per_second = u128::from(rate.bytes_per_second.max(1));
        let needed = (u128::from(wanted) * u128::from(NANOSECONDS)).div_ceil(bytes_per_second);
        let needed = u64::try_from(needed).unwrap_or(u64::MAX);
        let now = u64::from(now) * NANOSECONDS;
        let limit = now + u64::from(rate.window) * NANOSECONDS;
        let mut used = self.0.load(Ordering::Relaxed);
        loop {
            let begin = used.max(now);
            let taken = needed.min(limit.saturating_sub(begin));
            match self.0.compare_exchange_weak(used, begin + taken, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if taken == needed => return wanted,
                Ok(_) => {
                    let bytes = u128::from(taken) * bytes_per_second / u128::from(NANOSECONDS);
                    return u64::try_from(bytes).unwrap_or(u64::MAX).min(wanted);
                }
                Err(other) => used = other,
            }
        }
    }
}
