//! The peers of an answer: a random window of the swarm's endpoints, copied.

use std::hint::black_box;
use std::marker::PhantomData;
use std::ops::Range;

use super::Announcement;
use super::peer_buckets::{Location, PeerBuckets};
use super::table::{Table, Tally};
use crate::compact::{V4_LEN, V6_LEN};

/// The peers of an answer as they are sent. One buffer serves announce after announce.
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

    /// Empties the buffer and keeps its capacity.
    pub fn clear(&mut self) {
        self.v4.clear();
        self.v6.clear();
    }
}

/// Where the window begins, as a fraction (in units of 2^-32) of the endpoints that may be given.
#[derive(Debug, Clone, Copy)]
pub(super) struct WindowStart(u32);

/// IPv4 endpoints in one cache line.
const LINE: usize = 64 / V4_LEN;

impl WindowStart {
    /// Draws the beginning before the announcing peer is searched, and reads one byte of each cache line of the window.
    /// In a large tracker neither is in the cache: so both cache misses are waited for at the same time.
    pub(super) fn draw(buckets: &PeerBuckets, announcement: &Announcement, rng: &mut fastrand::Rng) -> Self {
        let start = Self(rng.u32(..));
        let candidates = Ring::<V4, V4_LEN>::new(buckets, announcement.left == Some(0));
        if let Some((bucket, at)) = candidates.locate(start.among(candidates.total())) {
            let (wires, _) = buckets.table(bucket).v4_wires();
            let window = wires[at..].iter().take(announcement.numwant as usize);
            for wire in window.step_by(LINE) {
                black_box(wire[0]);
            }
        }
        start
    }

    /// One of `count` numbers, all equally likely as far as 32 bits allow.
    fn among(self, count: usize) -> usize {
        usize::try_from((u64::from(self.0) * count as u64) >> 32).unwrap_or(0)
    }
}

/// Fills `out` with the peers for the answer to the peer at `asker`.
pub(super) fn fill(
    buckets: &PeerBuckets,
    asker: Location,
    announcement: &Announcement,
    start: WindowStart,
    out: &mut PeerBuffer,
) {
    let wanted = announcement.numwant as usize;
    let seeder = buckets.slot(asker).is_seeder();
    let v4 = Ring::<V4, V4_LEN>::new(buckets, seeder);
    let v6 = Ring::<V6, V6_LEN>::new(buckets, seeder);
    if announcement.endpoint.ip().to_canonical().is_ipv4() {
        let given = v4.give(asker, wanted, start, &mut out.v4);
        v6.give(asker, wanted - given, start, &mut out.v6);
    } else {
        let given = v6.give(asker, wanted, start, &mut out.v6);
        v4.give(asker, wanted - given, start, &mut out.v4);
    }
}

/// IPv4 or IPv6.
trait Family<const N: usize> {
    /// The endpoints of a table, seeders' first, and how many seeders' are.
    fn wires(table: &Table) -> (&[[u8; N]], usize);
    /// The position of a slot's endpoint among them.
    fn position(table: &Table, slot: usize) -> Option<usize>;
    /// The slot of an endpoint.
    fn owner(table: &Table, position: usize) -> usize;
    /// The number of endpoints, and how many are seeders'.
    fn numbers<T>(tally: Tally<T>) -> (T, T);
}

struct V4;

impl Family<V4_LEN> for V4 {
    fn wires(table: &Table) -> (&[[u8; V4_LEN]], usize) {
        table.v4_wires()
    }

    fn position(table: &Table, slot: usize) -> Option<usize> {
        (slot < table.v4_wires().0.len()).then_some(slot)
    }

    fn owner(_: &Table, position: usize) -> usize {
        position
    }

    fn numbers<T>(tally: Tally<T>) -> (T, T) {
        (tally.v4, tally.v4_seeders)
    }
}

struct V6;

impl Family<V6_LEN> for V6 {
    fn wires(table: &Table) -> (&[[u8; V6_LEN]], usize) {
        table.v6_list().map_or((&[], 0), |list| (list.wires(), list.seeders()))
    }

    fn position(table: &Table, slot: usize) -> Option<usize> {
        table.v6_list()?.position(slot)
    }

    fn owner(table: &Table, position: usize) -> usize {
        table.v6_list().map_or(0, |list| list.owner(position))
    }

    fn numbers<T>(tally: Tally<T>) -> (T, T) {
        (tally.v6, tally.v6_seeders)
    }
}

/// Endpoints read beyond those wanted, as some are left out: the asker's own, and that of another peer of the member at
/// the same endpoint. If there are more of them, an answer may have fewer peers than wanted.
const SPARE: usize = 2;

/// The endpoints of one family that may be given, bucket after bucket, in a ring.
struct Ring<'a, F, const N: usize> {
    buckets: &'a PeerBuckets,
    /// Whether the asker is a seeder, to which other seeders are of no use.
    leechers_only: bool,
    family: PhantomData<F>,
}

impl<'a, F: Family<N>, const N: usize> Ring<'a, F, N> {
    fn new(buckets: &'a PeerBuckets, leechers_only: bool) -> Self {
        Self { buckets, leechers_only, family: PhantomData }
    }

    fn total(&self) -> usize {
        let (all, seeders) = F::numbers(self.buckets.total());
        (if self.leechers_only { all - seeders } else { all }) as usize
    }

    fn number(&self, bucket: usize) -> usize {
        let (all, seeders) = F::numbers(self.buckets.tally(bucket));
        usize::from(if self.leechers_only { all - seeders } else { all })
    }

    /// The position of the first endpoint in a bucket that may be given.
    fn first(&self, bucket: usize) -> usize {
        if self.leechers_only { F::wires(self.buckets.table(bucket)).1 } else { 0 }
    }

    /// Bucket and position of the endpoint that has `rank` others before it.
    fn locate(&self, mut rank: usize) -> Option<(usize, usize)> {
        for bucket in 0..self.buckets.count() {
            let number = self.number(bucket);
            if rank < number {
                return Some((bucket, self.first(bucket) + rank));
            }
            rank -= number;
        }
        None
    }

    /// The number of endpoints before the asker's own, if that is in the ring.
    fn rank(&self, asker: Location, own: Option<usize>) -> Option<usize> {
        let offset = own?.checked_sub(self.first(asker.bucket))?;
        Some(offset + (0..asker.bucket).map(|bucket| self.number(bucket)).sum::<usize>())
    }

    /// Appends up to `wanted` endpoints and says how many.
    ///
    /// The walk begins at any endpoint but the asker's own, each equally likely, so that each is given equally often.
    fn give(&self, asker: Location, wanted: usize, start: WindowStart, out: &mut Vec<u8>) -> usize {
        let total = self.total();
        if wanted == 0 || total == 0 {
            return 0;
        }
        let table = self.buckets.table(asker.bucket);
        let own_at = F::position(table, asker.at);
        let own_rank = self.rank(asker, own_at);
        let others = total - usize::from(own_rank.is_some());
        let rank = start.among(others);
        let rank = rank + usize::from(own_rank.is_some_and(|own| rank >= own));
        let Some((mut bucket, mut at)) = self.locate(rank) else { return 0 };
        let own =
            own_at.map(|at| AskerEndpoint { wire: F::wires(table).0[at], asker, buckets: self.buckets });
        let (mut missing, mut unseen) = (wanted, total.min(wanted + SPARE));
        while missing > 0 && unseen > 0 {
            let table = self.buckets.table(bucket);
            let (wires, _) = F::wires(table);
            let run = at..wires.len().min(at + unseen);
            unseen -= run.len();
            missing -= give_run::<F, N>(table, run, missing, own.as_ref(), out);
            bucket = if bucket + 1 == self.buckets.count() { 0 } else { bucket + 1 };
            at = self.first(bucket);
        }
        wanted - missing
    }
}

/// The asker's own endpoint, which it is not given, nor another peer of its member there.
struct AskerEndpoint<'a, const N: usize> {
    wire: [u8; N],
    asker: Location,
    buckets: &'a PeerBuckets,
}

impl<const N: usize> AskerEndpoint<'_, N> {
    /// Whether a peer belongs to the asker's member.
    fn is_of(&self, table: &Table, slot: usize) -> bool {
        table.slot(slot).member() == self.buckets.slot(self.asker).member()
    }
}

/// Appends the endpoints of `run` without the asker's, up to `limit`, and says how many.
fn give_run<F: Family<N>, const N: usize>(
    table: &Table,
    run: Range<usize>,
    limit: usize,
    own: Option<&AskerEndpoint<'_, N>>,
    out: &mut Vec<u8>,
) -> usize {
    let (wires, _) = F::wires(table);
    let (mut from, mut given) = (run.start, 0);
    while from < run.end && given < limit {
        let equal = own.and_then(|own| {
            let offset = wires[from..run.end].iter().position(|wire| *wire == own.wire)?;
            Some((from + offset, own.is_of(table, F::owner(table, from + offset))))
        });
        let (until, next) = match equal {
            Some((at, true)) => (at, at + 1),
            Some((at, false)) => (at + 1, at + 1),
            None => (run.end, run.end),
        };
        let until = until.min(from + limit - given);
        out.extend_from_slice(wires[from..until].as_flattened());
        given += until - from;
        from = next;
    }
    given
}
