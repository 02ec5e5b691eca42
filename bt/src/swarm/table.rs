//! Up to 4095 peers in four zones of one array, so that an answer copies contiguous endpoints.

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;

use super::growth::{grow, short, shrink};
use super::index::{FULL, Index, hash};
use super::slot::Slot;
use super::v6_list::V6List;
use crate::compact::{V4_LEN, V6_LEN, read_v4, read_v6, write_v6};

/// Up to so many peers a search visits all; above, it uses an index.
const LINEAR: usize = 16;

// The zones in order. Those with IPv4 endpoints come first, so that `v4` is parallel to `slots`.
const SEEDERS_V4: usize = 0;
const LEECHERS_V4: usize = 1;
const LEECHERS_V6: usize = 2;
const SEEDERS_V6: usize = 3;

/// Numbers of peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally<N> {
    pub(super) peers: N,
    pub(super) seeders: N,
    pub(super) v4: N,
    pub(super) v4_seeders: N,
    pub(super) v6: N,
    pub(super) v6_seeders: N,
}

/// Some peers of a swarm.
///
/// `slots` has four zones, which end at `ends`: seeders and leechers with an IPv4 endpoint, then leechers and seeders
/// without. A peer moves to another zone by swaps with the peers at the borders between: at most three, whatever the
/// table's size.
///
/// An IPv4 peer takes 28 bytes in `slots`, 6 in `v4`, 2.5 in `index`, and a sixteenth of all that at most for growth:
/// about 37.5 bytes.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    /// IPv4 endpoints, in the order of the first two zones.
    v4: Vec<[u8; V4_LEN]>,
    /// Only above [`LINEAR`] peers.
    index: Index,
    /// IPv6 endpoints; most tables have none.
    v6: Option<Box<V6List>>,
    /// Ends of the first three zones; the fourth ends with `slots`.
    ends: [u16; 3],
    /// Where the search for silent peers goes on, downward.
    pub(super) cursor: u16,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.len() == FULL
    }

    pub(super) fn tally(&self) -> Tally<u16> {
        let [v4_seeders, v4, leechers] = self.ends;
        let peers = short(self.slots.len());
        let (v6, v6_seeders) = self.v6.as_ref().map_or((0, 0), |it| (it.wires().len(), it.seeders()));
        Tally {
            peers,
            seeders: v4_seeders + peers - leechers,
            v4,
            v4_seeders,
            v6: short(v6),
            v6_seeders: short(v6_seeders),
        }
    }

    pub(super) fn slot(&self, at: usize) -> &Slot {
        &self.slots[at]
    }

    /// After a change of `left`, call [`Table::update_zone`].
    pub(super) fn slot_mut(&mut self, at: usize) -> &mut Slot {
        &mut self.slots[at]
    }

    pub(super) fn v4(&self, at: usize) -> Option<SocketAddrV4> {
        self.v4.get(at).copied().map(read_v4)
    }

    pub(super) fn v6(&self, at: usize) -> Option<SocketAddrV6> {
        self.v6_wire(at).map(|wire| read_v6(&wire))
    }

    /// All IPv4 endpoints, seeders' first, and how many seeders' are.
    pub(super) fn v4_wires(&self) -> (&[[u8; V4_LEN]], usize) {
        (&self.v4, self.end(SEEDERS_V4))
    }

    /// All IPv6 endpoints.
    pub(super) fn v6_list(&self) -> Option<&V6List> {
        self.v6.as_deref()
    }

    pub(super) fn find(&self, member: u32, identity: u32) -> Option<usize> {
        let is_it = |slot: &Slot| slot.identity() == identity && slot.member() == member;
        if self.index.is_none() {
            self.slots.iter().position(is_it)
        } else {
            self.index.candidates(hash(member)).find(|&at| is_it(&self.slots[at]))
        }
    }

    /// A peer of that member at that endpoint.
    pub(super) fn at_endpoint(&self, member: u32, endpoint: SocketAddr) -> Option<usize> {
        self.of_member(member).find(|&at| match endpoint {
            SocketAddr::V4(v4) => self.v4(at) == Some(v4),
            SocketAddr::V6(v6) => self.v6_wire(at) == Some(write_v6(v6)),
        })
    }

    /// The number of a member's peers, and the one that was silent for longest.
    pub(super) fn peers_of(&self, member: u32, now: u32) -> (u32, Option<usize>) {
        let (mut number, mut longest_silent) = (0, None);
        for at in self.of_member(member) {
            number += 1;
            longest_silent = longest_silent.max(Some((self.slots[at].idle(now), at)));
        }
        (number, longest_silent.map(|(_, at)| at))
    }

    /// The indices of a member's peers.
    pub(super) fn of_member(&self, member: u32) -> impl Iterator<Item = usize> {
        let all = if self.index.is_none() { 0..self.slots.len() } else { 0..0 };
        let some = (!self.index.is_none()).then(|| self.index.candidates(hash(member)));
        all.chain(some.into_iter().flatten()).filter(move |&at| self.slots[at].member() == member)
    }

    /// Adds a peer without endpoint and returns its index. [`Table::update_zone`] must follow. The table must not be
    /// full.
    pub(super) fn insert(&mut self, slot: Slot) -> usize {
        grow(&mut self.slots);
        self.slots.push(slot);
        if let Some(list) = &mut self.v6 {
            list.push_slot();
        }
        if self.slots.len() > LINEAR || !self.index.is_none() {
            self.index.push(&self.slots);
        }
        self.slots.len() - 1
    }

    /// Moves a peer to the zone of its state and endpoints, with a new IPv4 endpoint if one is given. Returns its new
    /// index.
    pub(super) fn update_zone(&mut self, at: usize, wire: Option<[u8; V4_LEN]>) -> usize {
        let has_v4 = wire.is_some() || at < self.v4.len();
        let seeder = self.slots[at].is_seeder();
        if let (Some(wire), Some(current)) = (wire, self.v4.get_mut(at)) {
            *current = wire;
        }
        let zone = match (has_v4, seeder) {
            (true, true) => SEEDERS_V4,
            (true, false) => LEECHERS_V4,
            (false, false) => LEECHERS_V6,
            (false, true) => SEEDERS_V6,
        };
        if let Some(list) = &mut self.v6 {
            list.set_role(at, seeder);
        }
        self.shift(at, zone, wire)
    }

    pub(super) fn set_v6(&mut self, at: usize, wire: [u8; V6_LEN]) {
        let slots = self.slots.len();
        self.v6.get_or_insert_with(|| Box::new(V6List::new(slots))).set(at, wire);
    }

    pub(super) fn remove(&mut self, at: usize) {
        if let Some(list) = &mut self.v6 {
            list.remove(at);
            if list.wires().is_empty() {
                self.v6 = None;
            }
        }
        let at = self.shift(at, SEEDERS_V6, None);
        self.swap(at, self.slots.len() - 1);
        if !self.index.is_none() {
            self.index.pop(&self.slots);
        }
        self.slots.pop();
        if let Some(list) = &mut self.v6 {
            list.pop_slot();
        }
        if self.slots.len() < LINEAR / 2 {
            self.index.clear();
        }
        shrink(&mut self.slots);
        shrink(&mut self.v4);
    }

    /// A new table with the peers of `sources` for which `keep` is true.
    pub(super) fn gather(sources: &[&Self], keep: impl Fn(&Slot) -> bool) -> Self {
        let slots = || sources.iter().flat_map(|it| &it.slots).filter(|slot| keep(slot));
        let mut table = Self { slots: Vec::with_capacity(slots().count()), ..Self::default() };
        let with_v4 = |it: &&Self| it.slots[..it.v4.len()].iter().filter(|slot| keep(slot)).count();
        table.v4.reserve_exact(sources.iter().map(with_v4).sum());
        for zone in [SEEDERS_V4, LEECHERS_V4, LEECHERS_V6, SEEDERS_V6] {
            for source in sources {
                for at in source.zone(zone).filter(|&at| keep(&source.slots[at])) {
                    table.slots.push(source.slots[at]);
                    table.v4.extend(source.v4.get(at));
                    if let Some(list) = &mut table.v6 {
                        list.push_slot();
                    }
                    if let Some(wire) = source.v6_wire(at) {
                        let last = table.slots.len() - 1;
                        table.set_v6(last, wire);
                        if let Some(list) = &mut table.v6 {
                            list.set_role(last, table.slots[last].is_seeder());
                        }
                    }
                }
            }
            if let Some(end) = table.ends.get_mut(zone) {
                *end = short(table.slots.len());
            }
        }
        if table.slots.len() > LINEAR {
            table.index.rebuild(&table.slots);
        }
        table
    }

    fn v6_wire(&self, at: usize) -> Option<[u8; V6_LEN]> {
        let list = self.v6.as_ref()?;
        list.position(at).map(|position| list.wires()[position])
    }

    fn end(&self, zone: usize) -> usize {
        self.ends.get(zone).map_or(self.slots.len(), |&end| end.into())
    }

    fn zone(&self, zone: usize) -> Range<usize> {
        let start = zone.checked_sub(1).map_or(0, |before| self.end(before));
        start..self.end(zone)
    }

    /// Moves a peer from its zone to another. `wire` is needed for a move into the zones with IPv4.
    fn shift(&mut self, mut at: usize, to: usize, wire: Option<[u8; V4_LEN]>) -> usize {
        let mut zone = self.ends.iter().position(|&end| at < end.into()).unwrap_or(SEEDERS_V6);
        while zone > to {
            let first = self.end(zone - 1);
            self.swap(at, first);
            at = first;
            if let (LEECHERS_V6, Some(wire)) = (zone, wire) {
                grow(&mut self.v4);
                self.v4.push(wire);
            }
            self.ends[zone - 1] += 1;
            zone -= 1;
        }
        while zone < to {
            let last = self.end(zone) - 1;
            self.swap(at, last);
            at = last;
            if zone == LEECHERS_V4 {
                self.v4.pop();
            }
            self.ends[zone] -= 1;
            zone += 1;
        }
        at
    }

    /// Swaps two peers of one zone.
    fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        self.index.swap(a, b, &self.slots);
        self.slots.swap(a, b);
        if a.max(b) < self.v4.len() {
            self.v4.swap(a, b);
        }
        if let Some(list) = &mut self.v6 {
            list.swap_slots(a, b);
        }
    }
}
