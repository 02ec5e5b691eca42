//! What a member may ask of the tracker: how often, with which clients, and how much of a swarm it is shown.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use bt::ClientPrefix;
use bt::InfoHash;
use foldhash::quality::RandomState;

const NANOSECONDS: u64 = 1_000_000_000;

/// How often a member may announce or scrape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Nanoseconds that one announce takes up.
    each: u64,
    /// Nanoseconds that may be taken up ahead of time.
    ahead: u64,
}

/// A bucket of announces: when it will be full again, in nanoseconds of the tracker's clock. A new one is full.
#[derive(Debug, Default)]
pub(crate) struct Allowance(AtomicU64);

impl Pace {
    /// So many in a minute, and so many at once.
    pub(crate) const fn new(per_minute: u32, burst: u32) -> Self {
        let (per_minute, burst) = (per_minute as u64, burst as u64);
        let each = 60 * NANOSECONDS / if per_minute == 0 { 1 } else { per_minute };
        Self { each, ahead: each.saturating_mul(if burst == 0 { 1 } else { burst }) }
    }
}

impl Allowance {
    /// Takes one announce at second `now`.
    ///
    /// # Errors
    /// When there is none left: the minutes, at least 1, until there is again.
    pub(crate) fn take(&self, pace: Pace, now: u32) -> Result<(), u32> {
        self.take_some(1, pace, now)
    }

    /// Takes `count` at once, all or none, as [`Allowance::take`] takes one.
    ///
    /// # Errors
    /// When there are fewer left: the minutes, at least 1, until there are as many.
    pub(crate) fn take_some(&self, count: u32, pace: Pace, now: u32) -> Result<(), u32> {
        let each = pace.each.saturating_mul(count.into());
        let now = u64::from(now) * NANOSECONDS;
        let limit = now.saturating_add(pace.ahead);
        let mut full = self.0.load(Ordering::Relaxed);
        loop {
            let after = full.max(now).saturating_add(each);
            if after > limit {
                let minutes = (after - limit).div_ceil(60 * NANOSECONDS);
                return Err(u32::try_from(minutes).unwrap_or(u32::MAX));
            }
            match self.0.compare_exchange_weak(full, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full = other,
            }
        }
    }
}

/// Clients that may announce here, by the beginnings of their peer ids.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// All, when there is none.
    allowed: Vec<Prefix>,
    denied: Vec<Prefix>,
}

/// The bits that must be set so.
#[derive(Debug)]
struct Prefix {
    mask: u64,
    bits: u64,
}

impl Clients {
    pub(crate) fn new(allowed: &[String], denied: &[String]) -> Self {
        let read = |prefixes: &[String]| prefixes.iter().map(|it| Prefix::new(it.as_bytes())).collect();
        Self { allowed: read(allowed), denied: read(denied) }
    }

    /// Whether a client may announce.
    pub(crate) fn admit(&self, client: ClientPrefix) -> bool {
        let client = u64::from_be_bytes(client);
        let fits = |prefix: &Prefix| client & prefix.mask == prefix.bits;
        !self.denied.iter().any(fits) && (self.allowed.is_empty() || self.allowed.iter().any(fits))
    }
}

impl Prefix {
    fn new(text: &[u8]) -> Self {
        let (mut mask, mut bits) = ([0; 8], [0; 8]);
        for (at, byte) in text.iter().take(8).enumerate() {
            mask[at] = 0xff;
            bits[at] = *byte;
        }
        Self { mask: u64::from_be_bytes(mask), bits: u64::from_be_bytes(bits) }
    }
}

/// Which part of a swarm a member is shown: the same for a while, so that asking again and again tells no more; another
/// for each member, torrent and time, all alike.
#[derive(Debug, Default)]
pub(crate) struct Windows(RandomState);

impl Windows {
    /// What the peers are drawn with. `interval` is in seconds, at least 1.
    pub(crate) fn random(&self, member: u32, info_hash: &InfoHash, now: u32, interval: u32) -> fastrand::Rng {
        // Members change their windows at different times, each keeping it for the whole interval.
        let offset = member.wrapping_mul(0x9e37_79b9) % interval.max(1);
        let period = (u64::from(now) + u64::from(offset)) / u64::from(interval.max(1));
        fastrand::Rng::with_seed(self.0.hash_one((member, info_hash.as_bytes(), period)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_fills_at_its_pace() {
        let (pace, bucket) = (Pace::new(60, 5), Allowance::default());
        for start in [100, 1000] {
            for _ in 0..5 {
                assert_eq!(bucket.take(pace, start), Ok(()));
            }
            assert_eq!(bucket.take(pace, start), Err(1));
            assert_eq!(bucket.take(pace, start + 1), Ok(()));
            assert_eq!(bucket.take(pace, start + 1), Err(1));
        }
    }

    #[test]
    fn several_are_taken_together_or_not_at_all() {
        let (pace, bucket) = (Pace::new(60, 5), Allowance::default());
        assert_eq!(bucket.take_some(4, pace, 100), Ok(()));
        assert_eq!(bucket.take_some(2, pace, 100), Err(1));
        assert_eq!(bucket.take_some(1, pace, 100), Ok(()));
        assert_eq!(bucket.take_some(u32::MAX, pace, 100), Err(u32::MAX / 60 + 1));
    }

    #[test]
    fn whoever_is_refused_is_told_when_to_come_back() {
        let (pace, bucket) =
            (Pace { each: 300 * NANOSECONDS, ahead: 300 * NANOSECONDS }, Allowance::default());
        assert_eq!(bucket.take(pace, 0), Ok(()));
        assert_eq!(bucket.take(pace, 0), Err(5));
        assert_eq!(bucket.take(pace, 119), Err(4));
        assert_eq!(bucket.take(pace, 300), Ok(()));
    }

    #[test]
    fn the_largest_limits_are_no_limits() {
        let (pace, bucket) = (Pace::new(u32::MAX, u32::MAX), Allowance::default());
        for _ in 0..100_000 {
            assert_eq!(bucket.take(pace, u32::MAX), Ok(()));
        }
        assert_eq!(Allowance::default().take(Pace::new(1, u32::MAX), u32::MAX), Ok(()));
    }

    #[test]
    fn lists_of_clients_go_by_the_beginning_of_the_id() {
        let list = |prefixes: &[&str]| prefixes.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let all = Clients::default();
        let some = Clients::new(&list(&["-qB", "-TR4"]), &list(&["-qB50", "-TR40600"]));
        for (client, admitted) in [
            (b"-qB4650-", true),
            (b"-qB5040-", false),
            (b"-TR4060-", true),
            (b"-TR3000-", false),
            (b"-tr4060-", false),
            (b"\0\0\0\0\0\0\0\0", false),
        ] {
            assert!(all.admit(*client));
            assert_eq!(some.admit(*client), admitted, "{client:?}");
        }
    }

    #[test]
    fn a_window_stays_for_an_interval_and_is_of_one_member_and_torrent() {
        let windows = Windows::default();
        let draw = |member, hash: u8, now| windows.random(member, &[hash; 20].into(), now, 300).u64(..);
        let changes = (0..3000).filter(|&now| draw(7, 1, now) != draw(7, 1, now + 1)).count();
        assert_eq!(changes, 10);
        assert_ne!(draw(7, 1, 0), draw(8, 1, 0));
        assert_ne!(draw(7, 1, 0), draw(7, 2, 0));
    }
}
