//! The peers of a swarm in four zones of one array, so that what an answer copies lies in one piece.

#[cfg(test)]
mod tests;

use std::hash::BuildHasher;
use std::net::{SocketAddrV4, SocketAddrV6};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::narrow;
use super::slot::Slot;
use super::v6_list::V6List;
use crate::peer::{V4_LEN, V6_LEN, read_v4, read_v6};

/// Up to here a peer is found by looking at all; above, through an index.
const LINEAR: usize = 16;

// The zones, in their order. Those with IPv4 endpoints come first, so that `v4` runs beside `slots`.
const SEEDERS_V4: usize = 0;
const LEECHERS_V4: usize = 1;
const LEECHERS_V6: usize = 2;
const SEEDERS_V6: usize = 3;

/// The peers of a swarm.
///
/// `slots` is cut into four zones at `ends`: seeders and leechers with an IPv4 endpoint, leechers and seeders
/// without. A peer changes its zone by changing places with the one at the border, step by step: three swaps at
/// most, whatever the size.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    /// IPv4 endpoints, of the same order as the first two zones.
    v4: Vec<[u8; V4_LEN]>,
    /// Ends of the first three zones; the fourth ends with `slots`.
    ends: [usize; 3],
    /// IPv6 endpoints; most swarms have none.
    v6: Option<Box<V6List>>,
    /// Only above [`LINEAR`] peers.
    index: Option<Box<Index>>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn seeders(&self) -> usize {
        self.ends[SEEDERS_V4] + self.slots.len() - self.ends[LEECHERS_V6]
    }

    pub(super) fn slot(&self, at: usize) -> &Slot {
        &self.slots[at]
    }

    /// After a change of `left`, call [`Table::place`].
    pub(super) fn slot_mut(&mut self, at: usize) -> &mut Slot {
        &mut self.slots[at]
    }

    pub(super) fn v4(&self, at: usize) -> Option<SocketAddrV4> {
        self.v4.get(at).copied().map(read_v4)
    }

    pub(super) fn v6(&self, at: usize) -> Option<SocketAddrV6> {
        let list = self.v6.as_ref()?;
        list.position(at).map(|position| read_v6(&list.wires()[position]))
    }

    /// All IPv4 endpoints, those of the seeders first, and how many these are.
    pub(super) fn v4_wires(&self) -> (&[[u8; V4_LEN]], usize) {
        (&self.v4, self.ends[SEEDERS_V4])
    }

    /// All IPv6 endpoints, those of the seeders first, and how many these are.
    pub(super) fn v6_list(&self) -> Option<&V6List> {
        self.v6.as_deref()
    }

    pub(super) fn find(&self, member: u32, identity: u32) -> Option<usize> {
        let is_it = |slot: &Slot| slot.identity() == identity && slot.member() == member;
        match &self.index {
            None => self.slots.iter().position(is_it),
            Some(index) => index
                .slots
                .find(index.hash(member), |&at| is_it(&self.slots[at as usize]))
                .map(|&at| at as usize),
        }
    }

    /// How many peers a member has, and which of them was silent for longest.
    pub(super) fn peers_of(&self, member: u32, now: u32) -> (u32, Option<usize>) {
        let (mut number, mut longest_silent) = (0, None);
        let mut count = |at: usize| {
            let slot = &self.slots[at];
            if slot.member() == member {
                number += 1;
                longest_silent = longest_silent.max(Some((slot.idle(now), at)));
            }
        };
        match &self.index {
            None => (0..self.slots.len()).for_each(count),
            Some(index) => {
                index.slots.iter_hash(index.hash(member)).for_each(|&at| count(at as usize));
            }
        }
        (number, longest_silent.map(|(_, at)| at))
    }

    /// Adds a peer without endpoint and says where. [`Table::place`] must follow.
    pub(super) fn insert(&mut self, slot: Slot) -> usize {
        let at = self.slots.len();
        grow(&mut self.slots);
        self.slots.push(slot);
        if let Some(list) = &mut self.v6 {
            list.add_slot();
        }
        if self.index.is_none() && self.slots.len() > LINEAR {
            let mut index = Box::new(Index { slots: HashTable::new(), seed: FixedState::with_seed(0) });
            for at in 0..self.slots.len() {
                index.insert(at, &self.slots);
            }
            self.index = Some(index);
        } else if let Some(index) = &mut self.index {
            index.insert(at, &self.slots);
        }
        at
    }

    /// Puts a peer into the zone of its state and endpoints, with a new IPv4 endpoint if one is given, and says
    /// where it is now.
    pub(super) fn place(&mut self, at: usize, wire: Option<[u8; V4_LEN]>) -> usize {
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
        let last = self.slots.len() - 1;
        self.swap(at, last);
        if let Some(index) = &mut self.index {
            index.remove(last, &self.slots);
        }
        self.slots.pop();
        if let Some(list) = &mut self.v6 {
            list.pop_slot();
        }
        if self.slots.len() < LINEAR / 2 {
            self.index = None;
        }
        self.shrink();
    }

    /// Moves a peer from its zone to another; `wire` is needed on the way into the zones with IPv4.
    fn shift(&mut self, mut at: usize, to: usize, wire: Option<[u8; V4_LEN]>) -> usize {
        let mut zone = self.ends.iter().position(|&end| at < end).unwrap_or(SEEDERS_V6);
        while zone > to {
            let first = self.ends[zone - 1];
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
            let last = self.ends[zone] - 1;
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
        if let Some(index) = &mut self.index {
            index.swap(a, b, &self.slots);
        }
        self.slots.swap(a, b);
        if a.max(b) < self.v4.len() {
            self.v4.swap(a, b);
        }
        if let Some(list) = &mut self.v6 {
            list.swap_slots(a, b);
        }
    }

    fn shrink(&mut self) {
        shrink(&mut self.slots);
        shrink(&mut self.v4);
        if let Some(index) = &mut self.index
            && index.slots.capacity() > 4 * self.slots.len()
        {
            let Index { slots, seed } = &mut **index;
            slots.shrink_to(2 * self.slots.len(), |&at| hash_slot(seed, &self.slots[at as usize]));
        }
    }
}

/// Member to slots.
#[derive(Debug)]
struct Index {
    slots: HashTable<u32>,
    seed: FixedState,
}

impl Index {
    fn hash(&self, member: u32) -> u64 {
        self.seed.hash_one(member)
    }

    fn insert(&mut self, at: usize, slots: &[Slot]) {
        let Self { slots: table, seed } = self;
        let hash = hash_slot(seed, &slots[at]);
        table.insert_unique(hash, narrow(at), |&at| hash_slot(seed, &slots[at as usize]));
    }

    fn remove(&mut self, at: usize, slots: &[Slot]) {
        let (hash, at) = (hash_slot(&self.seed, &slots[at]), narrow(at));
        if let Ok(entry) = self.slots.find_entry(hash, |&slot| slot == at) {
            entry.remove();
        }
    }

    /// To be called before the slots themselves change places.
    fn swap(&mut self, a: usize, b: usize, slots: &[Slot]) {
        // By way of a value that no slot has: both keys may share a bucket chain, where `b` would be met twice.
        self.redirect(&slots[a], narrow(a), u32::MAX);
        self.redirect(&slots[b], narrow(b), narrow(a));
        self.redirect(&slots[a], u32::MAX, narrow(b));
    }

    fn redirect(&mut self, slot: &Slot, from: u32, to: u32) {
        let hash = hash_slot(&self.seed, slot);
        if let Some(at) = self.slots.find_mut(hash, |&at| at == from) {
            *at = to;
        }
    }
}

fn hash_slot(seed: &FixedState, slot: &Slot) -> u64 {
    seed.hash_one(slot.member())
}

/// Makes room by an eighth: a million small swarms must not pay for doubling.
pub(super) fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 1);
    }
}

/// Gives back the room that at least as many peers have left as are still here.
pub(super) fn shrink<T>(list: &mut Vec<T>) {
    if list.capacity() > 2 * list.len() + 8 {
        list.shrink_to(list.len() + list.len() / 8);
    }
}
