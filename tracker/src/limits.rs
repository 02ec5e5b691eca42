//! What a member may ask of the tracker: how often, with which clients, and which part of a swarm it is shown.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use bt::ClientPrefix;
use bt::InfoHash;
use foldhash::quality::RandomState;

const NANOSECONDS: u64 = 1_000_000_000;

/// The rate at which a [`TokenBucket`] fills, and its size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimit {
    /// Nanoseconds in which the bucket gains one token.
    each: u64,
    /// Nanoseconds in which an empty bucket becomes full.
    ahead: u64,
}

/// A token bucket in one word: the time at which it will be full again, in nanoseconds of the tracker's clock. A new
/// one is full. Each announce or scrape takes a token.
#[derive(Debug, Default)]
pub(crate) struct TokenBucket(AtomicU64);

impl RateLimit {
    /// `per_minute` tokens in a minute, of which `burst` can be taken at once; at least 1 each.
    pub(crate) const fn new(per_minute: u32, burst: u32) -> Self {
        let (per_minute, burst) = (per_minute as u64, burst as u64);
        let each = 60 * NANOSECONDS / if per_minute == 0 { 1 } else { per_minute };
        Self { each, ahead: each.saturating_mul(if burst == 0 { 1 } else { burst }) }
    }
}

impl TokenBucket {
    /// Takes a token at second `now` of the tracker's clock.
    ///
    /// # Errors
    /// When there is none: the minutes, at least 1, until there is one.
    pub(crate) fn take(&self, limit: RateLimit, now: u32) -> Result<(), u32> {
        self.take_some(1, limit, now)
    }

    /// Takes `count` tokens, or none if there are fewer.
    ///
    /// # Errors
    /// When there are fewer: the minutes, at least 1, until there are as many.
    pub(crate) fn take_some(&self, count: u32, limit: RateLimit, now: u32) -> Result<(), u32> {
        let each = limit.each.saturating_mul(count.into());
        let now = u64::from(now) * NANOSECONDS;
        let latest = now.saturating_add(limit.ahead);
        let mut full = self.0.load(Ordering::Relaxed);
        loop {
            let after = full.max(now).saturating_add(each);
            if after > latest {
                let minutes = (after - latest).div_ceil(60 * NANOSECONDS);
                return Err(u32::try_from(minutes).unwrap_or(u32::MAX));
            }
            match self.0.compare_exchange_weak(full, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full = other,
            }
        }
    }
}

/// Lists of the clients that may announce and of those that may not, by the beginnings of their peer ids.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// Where the list is empty, all clients are allowed.
    allowed: Vec<Prefix>,
    denied: Vec<Prefix>,
}

/// The beginning of a peer id: a client matches if its bits under `mask` are `bits`.
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

/// Seeds of the random windows of peers that members are shown. A member is shown the same window of a torrent for one
/// interval, so that asking again and again reveals no further peers.
#[derive(Debug, Default)]
pub(crate) struct WindowSeeds(RandomState);

impl WindowSeeds {
    /// The random source that draws the window at second `now`. `interval` is in seconds; 0 counts as 1.
    pub(crate) fn rng(&self, member: u32, info_hash: &InfoHash, now: u32, interval: u32) -> fastrand::Rng {
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
    fn a_bucket_gives_its_burst_at_once_and_fills_at_its_rate() {
        let (limit, bucket) = (RateLimit::new(60, 5), TokenBucket::default());
        for start in [100, 1000] {
            for _ in 0..5 {
                assert_eq!(bucket.take(limit, start), Ok(()));
            }
            assert_eq!(bucket.take(limit, start), Err(1));
            assert_eq!(bucket.take(limit, start + 1), Ok(()));
            assert_eq!(bucket.take(limit, start + 1), Err(1));
        }
    }

    #[test]
    fn several_are_taken_together_or_not_at_all() {
        let (limit, bucket) = (RateLimit::new(60, 5), TokenBucket::default());
        assert_eq!(bucket.take_some(4, limit, 100), Ok(()));
        assert_eq!(bucket.take_some(2, limit, 100), Err(1));
        assert_eq!(bucket.take_some(1, limit, 100), Ok(()));
        assert_eq!(bucket.take_some(u32::MAX, limit, 100), Err(u32::MAX / 60 + 1));
    }

    #[test]
    fn an_empty_bucket_says_in_how_many_minutes_it_has_a_token() {
        let (limit, bucket) =
            (RateLimit { each: 300 * NANOSECONDS, ahead: 300 * NANOSECONDS }, TokenBucket::default());
        assert_eq!(bucket.take(limit, 0), Ok(()));
        assert_eq!(bucket.take(limit, 0), Err(5));
        assert_eq!(bucket.take(limit, 119), Err(4));
        assert_eq!(bucket.take(limit, 300), Ok(()));
    }

    #[test]
    fn the_largest_rates_never_empty_a_bucket() {
        let (limit, bucket) = (RateLimit::new(u32::MAX, u32::MAX), TokenBucket::default());
        for _ in 0..100_000 {
            assert_eq!(bucket.take(limit, u32::MAX), Ok(()));
        }
        assert_eq!(TokenBucket::default().take(RateLimit::new(1, u32::MAX), u32::MAX), Ok(()));
    }

    #[test]
    fn clients_are_listed_by_the_beginning_of_their_peer_id() {
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
    fn a_window_stays_for_an_interval_and_differs_by_member_and_torrent() {
        let seeds = WindowSeeds::default();
        let draw = |member, hash: u8, now| seeds.rng(member, &[hash; 20].into(), now, 300).u64(..);
        let changes = (0..3000).filter(|&now| draw(7, 1, now) != draw(7, 1, now + 1)).count();
        assert_eq!(changes, 10);
        assert_ne!(draw(7, 1, 0), draw(8, 1, 0));
        assert_ne!(draw(7, 1, 0), draw(7, 2, 0));
    }
}
