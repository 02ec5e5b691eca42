//! The IPv6 endpoints of a table, those of seeders first.

use super::growth::{grow, short, shrink};
use crate::compact::V6_LEN;

/// The peer has no IPv6 endpoint.
const NOWHERE: u16 = u16::MAX;

/// Endpoints in one array, and for each the slot it belongs to. `links` leads from slots to endpoints, in 2 bytes each.
/// A table without IPv6 has no such list.
#[derive(Debug)]
pub(super) struct V6List {
    wires: Vec<[u8; V6_LEN]>,
    owners: Vec<u16>,
    /// For each slot the position of its endpoint, or [`NOWHERE`].
    links: Vec<u16>,
    seeders: usize,
}

impl V6List {
    /// An empty list for `slots` slots.
    pub(super) fn new(slots: usize) -> Self {
        Self { wires: Vec::new(), owners: Vec::new(), links: vec![NOWHERE; slots], seeders: 0 }
    }

    pub(super) fn wires(&self) -> &[[u8; V6_LEN]] {
        &self.wires
    }

    pub(super) fn seeders(&self) -> usize {
        self.seeders
    }

    /// The slot of an endpoint.
    pub(super) fn owner(&self, position: usize) -> usize {
        self.owners[position].into()
    }

    /// The position of a slot's endpoint, if it has one.
    pub(super) fn position(&self, slot: usize) -> Option<usize> {
        let link = self.links[slot];
        (link != NOWHERE).then_some(link.into())
    }

    /// Follows the table: it has a new slot at its end.
    pub(super) fn push_slot(&mut self) {
        grow(&mut self.links);
        self.links.push(NOWHERE);
    }

    /// Follows the table: it has dropped its last slot, which had no endpoint any more.
    pub(super) fn pop_slot(&mut self) {
        self.links.pop();
        shrink(&mut self.links);
    }

    /// Follows the table: two slots were swapped.
    pub(super) fn swap_slots(&mut self, a: usize, b: usize) {
        self.links.swap(a, b);
        for slot in [a, b] {
            if let Some(position) = self.position(slot) {
                self.owners[position] = short(slot);
            }
        }
    }

    /// Sets the endpoint of a slot; one that had none counts as a leecher.
    pub(super) fn set(&mut self, slot: usize, wire: [u8; V6_LEN]) {
        if let Some(position) = self.position(slot) {
            self.wires[position] = wire;
            return;
        }
        self.links[slot] = short(self.wires.len());
        grow(&mut self.wires);
        grow(&mut self.owners);
        self.wires.push(wire);
        self.owners.push(short(slot));
    }

    /// Moves the endpoint of a slot, if it has one, to the seeders or away from them.
    pub(super) fn set_role(&mut self, slot: usize, seeder: bool) {
        let Some(position) = self.position(slot) else { return };
        match (position < self.seeders, seeder) {
            (false, true) => {
                self.swap(position, self.seeders);
                self.seeders += 1;
            }
            (true, false) => {
                self.seeders -= 1;
                self.swap(position, self.seeders);
            }
            _ => {}
        }
    }

    /// Drops the endpoint of a slot, if it has one.
    pub(super) fn remove(&mut self, slot: usize) {
        self.set_role(slot, false);
        let Some(position) = self.position(slot) else { return };
        self.swap(position, self.wires.len() - 1);
        self.wires.pop();
        self.owners.pop();
        self.links[slot] = NOWHERE;
        shrink(&mut self.wires);
        shrink(&mut self.owners);
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.wires.swap(a, b);
        self.owners.swap(a, b);
        for position in [a, b] {
            let slot = self.owner(position);
            self.links[slot] = short(position);
        }
    }
}
