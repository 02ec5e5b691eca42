//! Limits failed attempts to sign in or to claim an invite, per name and per client address. In memory only.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::Error;

/// Names and addresses that are remembered at the same time. Hashing passwords takes long enough that one window
/// does not fill it.
const CAPACITY: usize = 50_000;

/// Whose attempt it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Network(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

/// Counts failures within a window that begins with the first of them.
#[derive(Debug)]
pub struct Attempts {
    allowed: u32,
    window: Duration,
    /// Held for one look-up or one sweep, never across an await.
    failures: Mutex<HashMap<Key, Failures>>,
}

impl Attempts {
    /// Allows `allowed` failures within `window`.
    pub fn new(allowed: u32, window: Duration) -> Self {
        Self { allowed, window, failures: Mutex::default() }
    }

    /// Refuses where the name or the address has failed too often.
    pub fn check(&self, name: &str, address: IpAddr, now: Instant) -> Result<(), Error> {
        let failures = self.failures.lock();
        let left = keys(name, address).into_iter().filter_map(|key| failures.get(&key)).filter_map(|it| {
            let left = self.window.checked_sub(now.saturating_duration_since(it.since))?;
            (it.count >= self.allowed && !left.is_zero()).then_some(left)
        });
        left.max().map_or(Ok(()), |retry_after| Err(Error::TooMany { retry_after }))
    }

    /// Counts a failure.
    pub fn fail(&self, name: &str, address: IpAddr, now: Instant) {
        let mut failures = self.failures.lock();
        if failures.len() + 2 > CAPACITY {
            failures.retain(|_, it| now.saturating_duration_since(it.since) < self.window);
        }
        if failures.len() + 2 > CAPACITY {
            failures.clear();
        }
        for key in keys(name, address) {
            let entry = failures.entry(key).or_insert(Failures { since: now, count: 0 });
            if now.saturating_duration_since(entry.since) >= self.window {
                *entry = Failures { since: now, count: 0 };
            }
            entry.count += 1;
        }
    }
}

/// One who has IPv6 has a whole /64 of addresses.
fn keys(name: &str, address: IpAddr) -> [Key; 2] {
    let network = match address.to_canonical() {
        IpAddr::V6(it) => IpAddr::V6(Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    };
    // A name longer than any account's is as good as its beginning.
    let name = name.chars().take(64).flat_map(char::to_lowercase).collect();
    [Key::Name(name), Key::Network(network)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(5);

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_name_is_limited_from_any_address_and_in_any_case() {
        let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
        attempts.fail("Alice", address("192.0.2.1"), now);
        assert!(attempts.check("alice", address("192.0.2.2"), now).is_ok());
        attempts.fail("ALICE", address("192.0.2.3"), now);
        assert!(attempts.check("alice", address("192.0.2.2"), now).is_err());
        assert!(attempts.check("bob", address("192.0.2.2"), now).is_ok());
    }

    #[test]
    fn an_address_is_limited_for_any_name_and_ipv6_by_its_network() {
        let (attempts, now) = (Attempts::new(2, WINDOW), Instant::now());
        attempts.fail("a", address("2001:db8::1"), now);
        attempts.fail("b", address("2001:db8::2"), now);
        assert!(attempts.check("c", address("2001:db8::ffff:3"), now).is_err());
        assert!(attempts.check("c", address("2001:db8:0:1::1"), now).is_ok());
    }

    #[test]
    fn the_limit_ends_with_its_window() {
        let (attempts, now) = (Attempts::new(1, WINDOW), Instant::now());
        attempts.fail("a", address("192.0.2.1"), now);
        let Err(Error::TooMany { retry_after }) =
            attempts.check("a", address("192.0.2.1"), now + Duration::from_secs(100))
        else {
            panic!("not limited")
        };
        assert_eq!(retry_after, Duration::from_secs(200));
        assert!(attempts.check("a", address("192.0.2.1"), now + WINDOW).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let (attempts, now) = (Attempts::new(1, WINDOW), Instant::now());
        for n in 0..u32::try_from(CAPACITY).expect("small") {
            attempts.fail(&n.to_string(), IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(attempts.failures.lock().len() <= CAPACITY);
    }
}
