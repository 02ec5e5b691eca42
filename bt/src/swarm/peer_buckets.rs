//! A swarm's peers in the buckets of extendible hashing (Fagin et al., 1979), each a table of its own, so that no step
//! takes time in proportion to the swarm.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use super::growth::{narrow, short};
use super::index::hash;
use super::slot::Slot;
use super::table::{Table, Tally};
use crate::compact::{V4_LEN, V6_LEN};

/// Two buckets with at most so many peers together are merged: half of the number at which a bucket is split.
const SPARSE: usize = super::index::FULL / 2;

/// Where a peer is, until the next change of the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) bucket: usize,
    /// Index in the bucket's table.
    pub(super) at: usize,
}

/// The peers of a swarm.
///
/// They are in one table until it is full. A full table is split in two by one more bit of the hash of members' ids.
/// So adding a peer moves at most one bucket, and all peers of a member are in the same one.
#[derive(Debug, Default)]
pub(super) struct PeerBuckets {
    first: Table,
    more: Option<Box<More>>,
}

/// The further buckets of a swarm, and what several buckets need.
#[derive(Debug)]
struct More {
    tables: Vec<Table>,
    /// One for each bucket, also the first.
    marks: Vec<Mark>,
    tallies: Vec<Tally<u16>>,
    total: Tally<u32>,
    /// The bucket for each value of a hash's low bits, as many as the longest mark has.
    directory: Vec<u32>,
    /// The bucket that is searched for silent peers.
    searched: usize,
}

/// The low bits that all hashes of a bucket have in common.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    bits: u32,
    length: u32,
}

impl Mark {
    /// The entries of a directory for such hashes.
    fn positions(self, directory: usize) -> impl Iterator<Item = usize> {
        (self.bits as usize..directory).step_by(1 << self.length)
    }

    /// The two marks with one more bit.
    fn split(self) -> [Self; 2] {
        let length = self.length + 1;
        [self.bits, self.bits | 1 << self.length].map(|bits| Self { bits, length })
    }

    fn fits(self, slot: &Slot) -> bool {
        (hash(slot.member()) ^ self.bits) & ((1 << self.length) - 1) == 0
    }
}

impl PeerBuckets {
    /// The number of buckets.
    pub(super) fn count(&self) -> usize {
        self.more.as_ref().map_or(1, |more| more.marks.len())
    }

    pub(super) fn table(&self, bucket: usize) -> &Table {
        match &self.more {
            Some(more) if bucket > 0 => &more.tables[bucket - 1],
            _ => &self.first,
        }
    }

    pub(super) fn tally(&self, bucket: usize) -> Tally<u16> {
        self.more.as_ref().map_or_else(|| self.first.tally(), |more| more.tallies[bucket])
    }

    pub(super) fn total(&self) -> Tally<u32> {
        self.more.as_ref().map_or_else(|| self.first.tally().widen(), |more| more.total)
    }

    pub(super) fn len(&self) -> usize {
        self.total().peers as usize
    }

    pub(super) fn slot(&self, location: Location) -> &Slot {
        self.table(location.bucket).slot(location.at)
    }

    /// After a change of `left`, call [`PeerBuckets::update_zone`].
    pub(super) fn slot_mut(&mut self, location: Location) -> &mut Slot {
        self.table_mut(location.bucket).slot_mut(location.at)
    }

    pub(super) fn find(&self, member: u32, identity: u32) -> Option<Location> {
        let bucket = self.bucket(member);
        self.table(bucket).find(member, identity).map(|at| Location { bucket, at })
    }

    /// The number of a member's peers, and the one that was silent for longest.
    pub(super) fn peers_of(&self, member: u32, now: u32) -> (u32, Option<Location>) {
        let bucket = self.bucket(member);
        let (number, at) = self.table(bucket).peers_of(member, now);
        (number, at.map(|at| Location { bucket, at }))
    }

    /// The locations of a member's peers.
    pub(super) fn locations_of(&self, member: u32) -> impl Iterator<Item = Location> {
        let bucket = self.bucket(member);
        self.table(bucket).of_member(member).map(move |at| Location { bucket, at })
    }

    /// Whether a peer has an endpoint of the family of `like`, which is not an IPv4-mapped address.
    pub(super) fn is_reachable(&self, location: Location, like: SocketAddr) -> bool {
        let table = self.table(location.bucket);
        if like.is_ipv4() { table.v4(location.at).is_some() } else { table.v6(location.at).is_some() }
    }

    /// A peer of that member at that endpoint, which is not an IPv4-mapped address.
    pub(super) fn at_endpoint(&self, member: u32, endpoint: SocketAddr) -> Option<Location> {
        let bucket = self.bucket(member);
        self.table(bucket).at_endpoint(member, endpoint).map(|at| Location { bucket, at })
    }

    /// The locations of `count` peers from number `from` on.
    pub(super) fn locations(&self, from: usize, count: usize) -> impl Iterator<Item = Location> {
        let mut skipped = from;
        let all = (0..self.count()).flat_map(move |bucket| {
            let len = self.table(bucket).len();
            let first = skipped.min(len);
            skipped -= first;
            (first..len).map(move |at| Location { bucket, at })
        });
        all.take(count)
    }

    /// Adds a peer without endpoint and returns its location. [`PeerBuckets::update_zone`] must follow.
    pub(super) fn insert(&mut self, slot: Slot) -> Location {
        let mut bucket = self.bucket(slot.member());
        while self.table(bucket).is_full() {
            self.split(bucket);
            bucket = self.bucket(slot.member());
        }
        let at = self.table_mut(bucket).insert(slot);
        Location { bucket, at }
    }

    /// See [`Table::update_zone`].
    pub(super) fn update_zone(&mut self, location: Location, wire: Option<[u8; V4_LEN]>) -> Location {
        let at = self.table_mut(location.bucket).update_zone(location.at, wire);
        self.count_again(location.bucket);
        Location { at, ..location }
    }

    /// [`PeerBuckets::update_zone`] must follow.
    pub(super) fn set_v6(&mut self, location: Location, wire: [u8; V6_LEN]) {
        self.table_mut(location.bucket).set_v6(location.at, wire);
    }

    /// Removes a peer. Peers from behind it in the bucket may move into the gap.
    pub(super) fn remove(&mut self, location: Location) {
        self.table_mut(location.bucket).remove(location.at);
        self.count_again(location.bucket);
    }

    /// Merges a bucket with the one that it was split from, if both have few peers.
    pub(super) fn merge(&mut self, bucket: usize) {
        let Some(more) = &self.more else { return };
        let Some(&mark) = more.marks.get(bucket) else { return };
        let Some(last_bit) = mark.length.checked_sub(1) else { return };
        let other = more.directory[(mark.bits ^ 1 << last_bit) as usize] as usize;
        let peers = [bucket, other].map(|it| usize::from(more.tallies[it].peers));
        if more.marks[other].length != mark.length || peers[0] + peers[1] > SPARSE {
            return;
        }
        let mut merged = Table::gather(&[self.table(bucket), self.table(other)], |_| true);
        // The search may not have visited all of them.
        merged.cursor = short(merged.len());
        let mark = Mark { bits: mark.bits & !(1 << last_bit), length: last_bit };
        let (kept, dropped) = (bucket.min(other), bucket.max(other));
        *self.table_mut(kept) = merged;
        if let Some(more) = &mut self.more {
            more.drop_empty(dropped);
            more.set_mark(kept, mark);
        }
        self.count_again(kept);
        if self.count() == 1 {
            self.more = None;
        }
    }

    /// Merges buckets as long as it is possible.
    pub(super) fn merge_all(&mut self) {
        loop {
            let before = self.count();
            (0..before).rev().for_each(|bucket| self.merge(bucket));
            if self.count() == before {
                break;
            }
        }
    }

    /// Begins the search for silent peers again.
    pub(super) fn search_all(&mut self) {
        let last = self.count() - 1;
        self.search(last);
    }

    /// The next location in the search for silent peers: downward in a bucket, then in the one before it, in a ring.
    pub(super) fn next_searched(&mut self) -> Option<Location> {
        for _ in 0..=self.count() {
            let bucket = self.searched();
            let table = self.table_mut(bucket);
            let at = usize::from(table.cursor).min(table.len());
            if let Some(at) = at.checked_sub(1) {
                table.cursor = short(at);
                return Some(Location { bucket, at });
            }
            self.search(bucket.checked_sub(1).unwrap_or(self.count() - 1));
        }
        None
    }

    /// The bucket that is searched for silent peers.
    pub(super) fn searched(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.searched.min(more.tables.len()))
    }

    fn search(&mut self, bucket: usize) {
        if let Some(more) = &mut self.more {
            more.searched = bucket;
        }
        let table = self.table_mut(bucket);
        table.cursor = short(table.len());
    }

    fn table_mut(&mut self, bucket: usize) -> &mut Table {
        match &mut self.more {
            Some(more) if bucket > 0 => &mut more.tables[bucket - 1],
            _ => &mut self.first,
        }
    }

    fn bucket(&self, member: u32) -> usize {
        self.more.as_ref().map_or(0, |more| {
            let low_bits = hash(member) as usize & (more.directory.len() - 1);
            more.directory[low_bits] as usize
        })
    }

    fn split(&mut self, bucket: usize) {
        let more = self.more.get_or_insert_with(|| Box::new(More::new(&self.first)));
        let marks = more.marks[bucket].split();
        let tables = marks.map(|mark| Table::gather(&[self.table(bucket)], |slot| mark.fits(slot)));
        let [lower, upper] = tables;
        *self.table_mut(bucket) = lower;
        if let Some(more) = &mut self.more {
            more.tables.push(upper);
            more.marks.push(Mark::default());
            more.tallies.push(Tally::default());
            if more.directory.len() < 1 << marks[0].length {
                more.directory.extend_from_within(..);
            }
            more.set_mark(bucket, marks[0]);
            more.set_mark(more.tables.len(), marks[1]);
        }
        self.count_again(bucket);
        self.count_again(self.count() - 1);
    }

    fn count_again(&mut self, bucket: usize) {
        let Some(more) = &mut self.more else { return };
        let table = if bucket == 0 { &self.first } else { &more.tables[bucket - 1] };
        let tally = table.tally();
        more.total.replace(more.tallies[bucket], tally);
        more.tallies[bucket] = tally;
    }
}

impl More {
    fn new(first: &Table) -> Self {
        let tally = first.tally();
        Self {
            tables: Vec::new(),
            marks: vec![Mark::default()],
            tallies: vec![tally],
            total: tally.widen(),
            directory: vec![0],
            searched: 0,
        }
    }

    fn set_mark(&mut self, bucket: usize, mark: Mark) {
        self.marks[bucket] = mark;
        for position in mark.positions(self.directory.len()) {
            self.directory[position] = narrow(bucket);
        }
    }

    /// Drops a bucket, not the first, whose peers were merged into another. The last bucket takes its number.
    fn drop_empty(&mut self, bucket: usize) {
        self.total.replace(self.tallies[bucket], Tally::default());
        self.tables.swap_remove(bucket - 1);
        self.tallies.swap_remove(bucket);
        self.marks.swap_remove(bucket);
        if let Some(&moved) = self.marks.get(bucket) {
            self.set_mark(bucket, moved);
        }
    }
}

impl Tally<u16> {
    fn widen(self) -> Tally<u32> {
        let mut wide = Tally::default();
        wide.replace(Self::default(), self);
        wide
    }
}

impl Tally<u32> {
    fn replace(&mut self, old: Tally<u16>, new: Tally<u16>) {
        let change = |total: &mut u32, old: u16, new: u16| *total = *total + u32::from(new) - u32::from(old);
        change(&mut self.peers, old.peers, new.peers);
        change(&mut self.seeders, old.seeders, new.seeders);
        change(&mut self.v4, old.v4, new.v4);
        change(&mut self.v4_seeders, old.v4_seeders, new.v4_seeders);
        change(&mut self.v6, old.v6, new.v6);
        change(&mut self.v6_seeders, old.v6_seeders, new.v6_seeders);
    }
}
