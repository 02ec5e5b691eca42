//! Which peers an announce is answered with: a random window of the endpoints, copied.

use std::hint::black_box;
use std::ops::Range;

use super::Announcement;
use super::table::Table;
use crate::peer::V4_LEN;

/// The peers of an answer, ready for the wire. One buffer serves announce after announce.
#[derive(Debug, Default, Clone)]
pub struct PeerBuffer {
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl PeerBuffer {
    /// IPv4 endpoints, 6 bytes each (BEP 23).
    pub fn v4(&self) -> &[u8] {
        &self.v4
    }

    /// IPv6 endpoints, 18 bytes each (BEP 7).
    pub fn v6(&self) -> &[u8] {
        &self.v6
    }

    /// Forgets all, keeping the memory.
    pub fn clear(&mut self) {
        self.v4.clear();
        self.v6.clear();
    }
}

/// Where the window begins, as a fraction of those who may be given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start(u32);

/// Endpoints of IPv4 that lie in one line of the processor's cache.
const LINE: usize = 64 / V4_LEN;

impl Start {
    /// Draws before the asker is looked for, and reads of the window what costs time: in a large tracker hardly any
    /// of it is in the processor's cache, and so the memory is waited for once instead of twice.
    pub(super) fn draw(table: &Table, announcement: &Announcement, rng: &mut fastrand::Rng) -> Self {
        let start = Self(rng.u32(..));
        let (wires, seeders) = table.v4_wires();
        let candidates = &wires[if announcement.left == Some(0) { seeders } else { 0 }..];
        let window = candidates[start.among(candidates.len())..].iter().take(announcement.numwant as usize);
        for wire in window.step_by(LINE) {
            black_box(wire[0]);
        }
        start
    }

    /// One of `count`, all alike as far as 32 bits go.
    fn among(self, count: usize) -> usize {
        usize::try_from((u64::from(self.0) * count as u64) >> 32).unwrap_or(0)
    }
}

/// Fills `out` for the peer in slot `asker`.
pub(super) fn fill(
    table: &Table,
    asker: usize,
    announcement: &Announcement,
    start: Start,
    out: &mut PeerBuffer,
) {
    let wanted = announcement.numwant as usize;
    let asks = Asks { table, asker };
    if announcement.endpoint.ip().to_canonical().is_ipv4() {
        let given = asks.v4(wanted, start, out);
        asks.v6(wanted - given, start, out);
    } else {
        let given = asks.v6(wanted, start, out);
        asks.v4(wanted - given, start, out);
    }
}

struct Asks<'a> {
    table: &'a Table,
    asker: usize,
}

impl Asks<'_> {
    fn v4(&self, wanted: usize, start: Start, out: &mut PeerBuffer) -> usize {
        let (wires, seeders) = self.table.v4_wires();
        let candidates = Ring::new(wires, self.skipped(seeders), Some(self.asker));
        candidates.walk(
            wanted,
            start,
            |at| self.same_member(at),
            |run| out.v4.extend_from_slice(wires[run].as_flattened()),
        )
    }

    fn v6(&self, wanted: usize, start: Start, out: &mut PeerBuffer) -> usize {
        let Some(list) = self.table.v6_list() else { return 0 };
        let own = list.position(self.asker);
        let candidates = Ring::new(list.wires(), self.skipped(list.seeders()), own);
        candidates.walk(
            wanted,
            start,
            |at| self.same_member(list.owner(at)),
            |run| out.v6.extend_from_slice(list.wires()[run].as_flattened()),
        )
    }

    /// A seeder has nothing to give to seeders.
    fn skipped(&self, seeders: usize) -> usize {
        if self.table.slot(self.asker).is_seeder() { seeders } else { 0 }
    }

    fn same_member(&self, slot: usize) -> bool {
        self.table.slot(slot).member() == self.table.slot(self.asker).member()
    }
}

/// Endpoints looked at beyond those wanted: the asker's own, and one that its client left when it was restarted.
const SPARE: usize = 2;

/// The endpoints of one family that may be given, as a ring.
struct Ring<'a, const N: usize> {
    wires: &'a [[u8; N]],
    /// The first of `wires` that may be given.
    first: usize,
    /// The asker's own endpoint in this family and where it stands, perhaps before `first`.
    own: Option<(usize, [u8; N])>,
}

impl<'a, const N: usize> Ring<'a, N> {
    fn new(wires: &'a [[u8; N]], first: usize, own: Option<usize>) -> Self {
        Self { wires, first, own: own.and_then(|own| wires.get(own).map(|wire| (own, *wire))) }
    }

    /// Calls `give` with runs of positions, `wanted` in all if there are enough, and says how many they were.
    ///
    /// The walk begins at any endpoint but the asker's own, all alike, so that each is given as often.
    fn walk(
        &self,
        wanted: usize,
        start: Start,
        same_member: impl Fn(usize) -> bool,
        mut give: impl FnMut(Range<usize>),
    ) -> usize {
        let own_at = self.own.map(|(at, _)| at).filter(|&at| at >= self.first);
        let others = self.wires.len() - self.first - usize::from(own_at.is_some());
        if wanted == 0 || others == 0 {
            return 0;
        }
        let start = self.first + start.among(others);
        let start = start + usize::from(own_at.is_some_and(|own| start >= own));
        let looked = (wanted + SPARE).min(self.wires.len() - self.first);
        let tail = start + looked.min(self.wires.len() - start);
        let wrapped = self.first + looked - (tail - start);
        let mut missing = wanted;
        for run in [start..tail, self.first..wrapped] {
            missing -= self.give_run(run, missing, &same_member, &mut give);
        }
        wanted - missing
    }

    /// Gives of `run` what is not the asker's, up to `limit`.
    fn give_run(
        &self,
        run: Range<usize>,
        limit: usize,
        same_member: &impl Fn(usize) -> bool,
        give: &mut impl FnMut(Range<usize>),
    ) -> usize {
        let (mut from, mut given) = (run.start, 0);
        while from < run.end && given < limit {
            let equal =
                self.own.and_then(|(_, own)| self.wires[from..run.end].iter().position(|wire| *wire == own));
            let equal = equal.map(|offset| from + offset);
            let (until, next) = match equal {
                Some(at) if same_member(at) => (at, at + 1),
                Some(at) => (at + 1, at + 1),
                None => (run.end, run.end),
            };
            let until = until.min(from + limit - given);
            give(from..until);
            given += until - from;
            from = next;
        }
        given
    }
}
