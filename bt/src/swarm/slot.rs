//! What a swarm keeps of one peer, packed.

use super::Announcement;
use crate::peer::PeerState;

/// Bits of a session counter: 256 TiB. Bytes beyond are not counted.
const COUNTER_BITS: u32 = 48;
const COUNTER: u64 = (1 << COUNTER_BITS) - 1;

/// `left` is kept in units of 64 KiB, rounded up: it is 0 only if nothing is lacking.
const LEFT_UNIT: u64 = 1 << 16;
/// The largest `left`: 4 TiB.
const LEFT: u32 = (1 << 26) - 1;

const PARTIAL: u32 = 1 << 26;
const FETCHED: u32 = 1 << 27;
const BASELINE: u32 = 1 << 28;
const AHEAD: u32 = 1 << 29;
const FLAGS: u32 = PARTIAL | FETCHED | BASELINE | AHEAD;
/// Where `state` has the two bits of the time that do not fit `seen`.
const LATE_SHIFT: u32 = 30;

/// Times are seconds modulo 2^18, about three days.
const RING: u32 = (1 << 18) - 1;
/// The longest time since an announce, in seconds. Longer ones are announces by a thread whose clock was slightly
/// ahead.
pub(super) const OLDEST: u32 = RING - 3600;

/// 28 bytes without padding, as 32-bit numbers are stored as two of 16.
///
/// ```text
/// member 4 · identity 4 · uploaded 6 · downloaded 6 · state 4 · seen 2 · client 2
/// state: left in units of 64 KiB 26 bits · partial seed · fetched · baseline · ahead · seen above 2^16 2 bits
/// ```
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    member: [u16; 2],
    identity: [u16; 2],
    uploaded: [u16; 3],
    downloaded: [u16; 3],
    state: [u16; 2],
    seen: u16,
    client: u16,
}

const _: () = assert!(size_of::<Slot>() == 28);

impl Slot {
    /// A new peer, for which nothing is accounted yet.
    pub(super) fn new(announcement: &Announcement, client: u16, now: u32) -> Self {
        let mut slot = Self::empty(announcement.member, announcement.identity, client);
        slot.set_counters(announcement.uploaded, announcement.downloaded);
        slot.set_left(announcement.left.unwrap_or(u64::MAX));
        slot.set_fetched(!slot.is_seeder() && announcement.downloaded > 0);
        slot.set_seen(now);
        slot
    }

    /// A seeder that has moved nothing.
    pub(super) fn empty(member: u32, identity: u32, client: u16) -> Self {
        Self {
            member: split(member),
            identity: split(identity),
            uploaded: [0; 3],
            downloaded: [0; 3],
            state: [0; 2],
            seen: 0,
            client,
        }
    }

    pub(super) fn member(&self) -> u32 {
        join(self.member)
    }

    pub(super) fn identity(&self) -> u32 {
        join(self.identity)
    }

    pub(super) fn client(&self) -> u16 {
        self.client
    }

    pub(super) fn uploaded(&self) -> u64 {
        counter(self.uploaded)
    }

    pub(super) fn downloaded(&self) -> u64 {
        counter(self.downloaded)
    }

    pub(super) fn set_counters(&mut self, uploaded: u64, downloaded: u64) {
        self.uploaded = pack(uploaded);
        self.downloaded = pack(downloaded);
    }

    /// Bytes lacking, rounded up to 64 KiB; 0 is exact.
    pub(super) fn left(&self) -> u64 {
        u64::from(self.state() & LEFT) * LEFT_UNIT
    }

    pub(super) fn set_left(&mut self, left: u64) {
        self.set_state((self.state() & !LEFT) | units(left));
    }

    /// Whether `left` is what the peer lacks, rounded up.
    pub(super) fn lacks(&self, left: u64) -> bool {
        self.state() & LEFT == units(left)
    }

    /// Whether the peer lacks less than `left`, rounded up.
    pub(super) fn lacks_less_than(&self, left: u64) -> bool {
        self.state() & LEFT < units(left)
    }

    /// Whether it received bytes in this session while it lacked something.
    pub(super) fn fetched(&self) -> bool {
        self.has(FETCHED)
    }

    pub(super) fn set_fetched(&mut self, fetched: bool) {
        self.set(FETCHED, fetched);
    }

    fn partial(&self) -> bool {
        self.has(PARTIAL)
    }

    pub(super) fn set_partial(&mut self, partial: bool) {
        self.set(PARTIAL, partial);
    }

    /// Whether the next announce is a baseline, which accounts for nothing.
    pub(super) fn baseline(&self) -> bool {
        self.has(BASELINE)
    }

    pub(super) fn set_baseline(&mut self, baseline: bool) {
        self.set(BASELINE, baseline);
    }

    /// Whether bytes were accounted for within the second of its last announce, which is not over. The next announce
    /// has one second less to account for.
    pub(super) fn is_ahead(&self) -> bool {
        self.has(AHEAD)
    }

    pub(super) fn set_ahead(&mut self, ahead: bool) {
        self.set(AHEAD, ahead);
    }

    pub(super) fn role(&self) -> PeerState {
        match (self.state() & LEFT, self.partial()) {
            (0, _) => PeerState::Seeder,
            (_, false) => PeerState::Leecher,
            (_, true) => PeerState::PartialSeed,
        }
    }

    pub(super) fn is_seeder(&self) -> bool {
        self.state() & LEFT == 0
    }

    /// Seconds since the last announce.
    pub(super) fn idle(&self, now: u32) -> u32 {
        let seen = (self.state() >> LATE_SHIFT) << 16 | u32::from(self.seen);
        let idle = now.wrapping_sub(seen) & RING;
        if idle > OLDEST { 0 } else { idle }
    }

    pub(super) fn set_seen(&mut self, now: u32) {
        let [low, high] = split(now & RING);
        self.seen = low;
        let rest = self.state() & (LEFT | FLAGS);
        self.set_state(rest | u32::from(high) << LATE_SHIFT);
    }

    fn has(&self, flag: u32) -> bool {
        self.state() & flag != 0
    }

    fn set(&mut self, flag: u32, on: bool) {
        let state = self.state();
        self.set_state(if on { state | flag } else { state & !flag });
    }

    fn state(&self) -> u32 {
        join(self.state)
    }

    fn set_state(&mut self, state: u32) {
        self.state = split(state);
    }
}

/// A session counter as far as it is kept.
pub(super) fn kept(counter: u64) -> u64 {
    counter.min(COUNTER)
}

fn units(left: u64) -> u32 {
    u32::try_from(left.div_ceil(LEFT_UNIT)).unwrap_or(LEFT).min(LEFT)
}

fn split(number: u32) -> [u16; 2] {
    let [a, b, c, d] = number.to_le_bytes();
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}

fn join([low, high]: [u16; 2]) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

fn pack(number: u64) -> [u16; 3] {
    let bytes = kept(number).to_le_bytes();
    [0, 2, 4].map(|at| u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn counter([low, middle, high]: [u16; 3]) -> u64 {
    u64::from(low) | u64::from(middle) << 16 | u64::from(high) << 32
}
