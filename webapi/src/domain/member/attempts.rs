//! Limits failed attempts to sign in, to claim an invite or to use a reset link. In memory only.
//!
//! A stranger is counted by network, and by the name that they try. A browser that has signed in to an account before
//! (see [`crate::domain::member::device`]) is counted by itself alone, so that nobody's failures keep its owner out.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::member::device::{DeviceId, Devices};
use crate::error::Error;

/// Counts that are remembered at the same time, about 5 MB. Hashing passwords takes so long that names alone hardly
/// reach it within one window.
const CAPACITY: usize = 50_000;

/// Counts that one failure may add: name, name from a network, network and the wider one.
const ADDED: usize = 4;

/// Failures allowed for one name from all networks together, within the window.
const PER_NAME: u32 = 100;

/// An IPv6 /48 may fail as often as this many of its 65,536 networks of size /64.
const NETWORKS_OF_48: u32 = 10;

/// Who sent a form that signs in or opens a link, before anything is verified: what limits are counted by.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where the request came from.
    pub address: IpAddr,
    /// Tokens of earlier sign-ins that the browser sent, not verified yet.
    pub devices: Devices,
}

/// An attempt to sign in or to open a link, as limits count it.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The name that is tried; none for a link, and for text that cannot be a name.
    pub name: Option<&'a str>,
    /// Where it comes from.
    pub address: IpAddr,
    /// The browser, where it is known to belong to the account of that name.
    pub device: Option<DeviceId>,
}

impl Attempt<'_> {
    /// An attempt to open a link from `address`.
    pub fn link(address: IpAddr) -> Self {
        Self { name: None, address, device: None }
    }
}

/// What guesses at an account are counted by. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Guesser {
    Device(DeviceId),
    NameFrom(String, IpAddr),
    Name(String),
}

/// Networks that guesses are counted by: an IPv4 address or IPv6 /64, and an IPv6 /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Origin {
    Network(IpAddr),
    Wider(Ipv6Addr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

#[derive(Debug, Default)]
struct Counts {
    guessers: HashMap<Guesser, Failures>,
    origins: HashMap<Origin, Failures>,
}

/// Counts failures within a window that begins with the first of them.
#[derive(Debug)]
pub struct Attempts {
    allowed: u32,
    window: Duration,
    /// Held for one look-up or one sweep, never across an await.
    counts: Mutex<Counts>,
}

impl Attempts {
    /// Allows `allowed` failures within `window` for a network, for a name from a network and for a known browser.
    pub fn new(allowed: u32, window: Duration) -> Self {
        Self { allowed, window, counts: Mutex::default() }
    }

    /// Refuses the attempt where there were too many failures.
    pub fn check(&self, attempt: &Attempt<'_>, now: Instant) -> Result<(), Error> {
        let counts = self.counts.lock();
        let guessers = guessers(attempt).into_iter().filter_map(|key| {
            let found = counts.guessers.get(&key)?;
            self.wait(*found, self.allowed_to(&key), now)
        });
        let origins = origins(attempt).into_iter().filter_map(|key| {
            let found = counts.origins.get(&key)?;
            self.wait(*found, self.allowed_from(key), now)
        });
        guessers.chain(origins).max().map_or(Ok(()), |retry_after| Err(Error::TooMany { retry_after }))
    }

    /// Counts a failure.
    pub fn fail(&self, attempt: &Attempt<'_>, now: Instant) {
        let mut counts = self.counts.lock();
        counts.make_room(self.window, now);
        for key in guessers(attempt) {
            count(&mut counts.guessers, key, self.window, now);
        }
        for key in origins(attempt) {
            count(&mut counts.origins, key, self.window, now);
        }
    }

    /// Counts a failure where `error` says that what was sent is a guess: a link that is not there, a name that is
    /// taken.
    pub fn fail_if_guess(&self, attempt: &Attempt<'_>, error: &Error) {
        if matches!(error, Error::NotFound(_) | Error::Invalid(_)) {
            self.fail(attempt, Instant::now());
        }
    }

    fn allowed_to(&self, guesser: &Guesser) -> u32 {
        match guesser {
            Guesser::Device(_) | Guesser::NameFrom(..) => self.allowed,
            Guesser::Name(_) => PER_NAME.max(self.allowed),
        }
    }

    fn allowed_from(&self, origin: Origin) -> u32 {
        match origin {
            Origin::Network(_) => self.allowed,
            Origin::Wider(_) => self.allowed.saturating_mul(NETWORKS_OF_48),
        }
    }

    /// How long the sender has to wait, where `allowed` failures are used up.
    fn wait(&self, found: Failures, allowed: u32, now: Instant) -> Option<Duration> {
        let left = self.window.checked_sub(now.saturating_duration_since(found.since))?;
        (found.count >= allowed && !left.is_zero()).then_some(left)
    }
}

impl Counts {
    fn len(&self) -> usize {
        self.guessers.len() + self.origins.len()
    }

    fn is_full(&self) -> bool {
        self.len() + ADDED > CAPACITY
    }

    /// Makes room for one more failure: forgets counts whose window is over, then networks, then names. The smallest
    /// counts go first, so that nobody gets rid of a count by failing at many other places.
    fn make_room(&mut self, window: Duration, now: Instant) {
        if !self.is_full() {
            return;
        }
        let lasts = |it: &Failures| now.saturating_duration_since(it.since) < window;
        self.guessers.retain(|_, it| lasts(it));
        self.origins.retain(|_, it| lasts(it));
        let mut least = 1;
        while self.is_full() && !self.origins.is_empty() {
            self.origins.retain(|_, it| it.count > least);
            least *= 2;
        }
        least = 1;
        while self.is_full() {
            self.guessers.retain(|_, it| it.count > least);
            least *= 2;
        }
    }
}

fn count<K: Eq + Hash>(counts: &mut HashMap<K, Failures>, key: K, window: Duration, now: Instant) {
    let entry = counts.entry(key).or_insert(Failures { since: now, count: 0 });
    if now.saturating_duration_since(entry.since) >= window {
        *entry = Failures { since: now, count: 0 };
    }
    entry.count = entry.count.saturating_add(1);
}

fn guessers(attempt: &Attempt<'_>) -> Vec<Guesser> {
    if let Some(device) = attempt.device {
        return vec![Guesser::Device(device)];
    }
    let Some(name) = attempt.name.map(str::to_ascii_lowercase) else { return Vec::new() };
    vec![Guesser::NameFrom(name.clone(), network(attempt.address)), Guesser::Name(name)]
}

fn origins(attempt: &Attempt<'_>) -> Vec<Origin> {
    if attempt.device.is_some() {
        return Vec::new();
    }
    match network(attempt.address) {
        IpAddr::V6(it) => vec![Origin::Network(IpAddr::V6(it)), Origin::Wider(masked(it, 48))],
        v4 @ IpAddr::V4(_) => vec![Origin::Network(v4)],
    }
}

/// The network that stands for `address`. Whoever has IPv6 has a whole /64 of addresses, so it is counted as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => IpAddr::V6(masked(it, 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The first `bits` bits of `address`, 1 to 127; the others are zero.
fn masked(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}
