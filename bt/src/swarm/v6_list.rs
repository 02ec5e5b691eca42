//! The IPv6 endpoints of a swarm, those of the seeders first.

use super::narrow;
use super::table::{NO_V6, Slot, grow, shrink};
use crate::peer::V6_LEN;

/// Endpoints in one piece, and beside each the slot it belongs to. A slot's `v6` points back.
#[derive(Debug, Default)]
pub(super) struct V6List {
    wires: Vec<[u8; V6_LEN]>,
    owners: Vec<u32>,
    seeders: usize,
}

impl V6List {
    pub(super) fn wires(&self) -> &[[u8; V6_LEN]] {
        &self.wires
    }

    pub(super) fn seeders(&self) -> usize {
        self.seeders
    }

    /// The slot of an endpoint.
    pub(super) fn owner(&self, position: usize) -> usize {
        self.owners[position] as usize
    }

    /// Says that the peer of an endpoint has moved; nothing happens for a peer without one.
    pub(super) fn set_owner(&mut self, position: u32, slot: usize) {
        if let Some(owner) = self.owners.get_mut(position as usize) {
            *owner = narrow(slot);
        }
    }

    /// Gives a peer an endpoint, as a leecher if it had none.
    pub(super) fn set(&mut self, slot: usize, wire: [u8; V6_LEN], slots: &mut [Slot]) {
        if let Some(current) = self.wires.get_mut(slots[slot].v6 as usize) {
            *current = wire;
            return;
        }
        slots[slot].v6 = narrow(self.wires.len());
        grow(&mut self.wires);
        grow(&mut self.owners);
        self.wires.push(wire);
        self.owners.push(narrow(slot));
    }

    /// Moves an endpoint to the seeders or away from them; nothing happens for a peer without one.
    pub(super) fn set_role(&mut self, position: u32, seeder: bool, slots: &mut [Slot]) {
        let position = position as usize;
        if position >= self.wires.len() || (position < self.seeders) == seeder {
            return;
        }
        if seeder {
            self.swap(position, self.seeders, slots);
            self.seeders += 1;
        } else {
            self.seeders -= 1;
            self.swap(position, self.seeders, slots);
        }
    }

    /// Drops an endpoint; nothing happens for a peer without one.
    pub(super) fn remove(&mut self, position: u32, slots: &mut [Slot]) {
        let Some(&owner) = self.owners.get(position as usize) else { return };
        self.set_role(position, false, slots);
        let position = slots[owner as usize].v6 as usize;
        self.swap(position, self.wires.len() - 1, slots);
        self.wires.pop();
        self.owners.pop();
        slots[owner as usize].v6 = NO_V6;
        shrink(&mut self.wires);
        shrink(&mut self.owners);
    }

    fn swap(&mut self, a: usize, b: usize, slots: &mut [Slot]) {
        self.wires.swap(a, b);
        self.owners.swap(a, b);
        slots[self.owner(a)].v6 = narrow(a);
        slots[self.owner(b)].v6 = narrow(b);
    }
}
