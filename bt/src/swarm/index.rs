//! Finds the peers of a member in a table.

use super::growth::short;
use super::slot::Slot;

/// Peers of one table at most: their positions, and one more that no peer has, take 12 bits.
pub(super) const FULL: usize = 4095;

const POSITION_BITS: u32 = 12;
const POSITION: u16 = (1 << POSITION_BITS) - 1;
/// An empty cell. Its position is one that no peer has.
const EMPTY: u16 = u16::MAX;

/// A bijective hash of a member's id: the finalizer of `MurmurHash3`. Its high bits choose the first cell in an index,
/// four in the middle are the tag, and the low ones choose the table.
///
/// It needs no secret: members do not choose their ids.
pub(super) fn hash(member: u32) -> u32 {
    let mut hash = member;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn tag(hash: u32) -> u16 {
    short((hash >> 14 & 15) as usize) << POSITION_BITS
}

/// A hash table with linear probing. A cell has 2 bytes: a tag of 4 bits and the position of a peer in 12.
///
/// Between 8/11 and 7/8 of the cells are used, so that a peer takes about 2.5 bytes. All peers of a member lie between
/// its first cell and the next empty one: one walk finds a peer, counts the member's peers and chooses the one to
/// replace. The tag tells 15 of 16 peers of other members on that walk without a read of their slots.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Empty while the table is so small that it needs no index.
    cells: Box<[u16]>,
}

impl Index {
    pub(super) fn is_none(&self) -> bool {
        self.cells.is_empty()
    }

    /// Positions of the peers whose members may have this hash.
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = usize> {
        let tag = tag(hash);
        let (before, after) = self.cells.split_at(self.home(hash));
        let run = after.iter().chain(before).take_while(|cell| **cell != EMPTY);
        run.filter(move |cell| **cell & !POSITION == tag).map(|cell| usize::from(cell & POSITION))
    }

    /// Adds the last of `slots`.
    pub(super) fn push(&mut self, slots: &[Slot]) {
        if 8 * slots.len() > 7 * self.cells.len() {
            self.rebuild(slots);
        } else if let [.., last] = slots {
            self.fill(hash(last.member()), slots.len() - 1);
        }
    }

    /// Builds the index anew, with a quarter of its cells empty or a little more. Reads the slots in order.
    pub(super) fn rebuild(&mut self, slots: &[Slot]) {
        self.cells = vec![EMPTY; slots.len() + 3 * slots.len() / 8 + 1].into_boxed_slice();
        for (at, slot) in slots.iter().enumerate() {
            self.fill(hash(slot.member()), at);
        }
    }

    /// Removes the last of `slots`.
    pub(super) fn pop(&mut self, slots: &[Slot]) {
        let [rest @ .., last] = slots else { return };
        self.remove(hash(last.member()), rest.len(), slots);
        if self.cells.len() > 2 * slots.len() {
            self.rebuild(rest);
        }
    }

    /// Follows a swap of two slots. To be called before the slots are swapped.
    pub(super) fn swap(&mut self, a: usize, b: usize, slots: &[Slot]) {
        let [hash_a, hash_b] = [a, b].map(|at| hash(slots[at].member()));
        if let (Some(of_a), Some(of_b)) = (self.position(hash_a, a), self.position(hash_b, b)) {
            self.cells[of_a] = cell(hash_a, b);
            self.cells[of_b] = cell(hash_b, a);
        }
    }

    /// Empties the index.
    pub(super) fn clear(&mut self) {
        self.cells = Box::default();
    }

    /// The first cell for a hash.
    fn home(&self, hash: u32) -> usize {
        usize::try_from((u64::from(hash) * self.cells.len() as u64) >> 32).unwrap_or(0)
    }

    fn fill(&mut self, hash: u32, at: usize) {
        let home = self.home(hash);
        let (before, after) = self.cells.split_at_mut(home);
        // There is one: at least an eighth of the cells are empty.
        if let Some(free) = after.iter_mut().chain(before).find(|cell| **cell == EMPTY) {
            *free = cell(hash, at);
        }
    }

    /// Removes a cell, and moves back into the gap those after it that may stand there.
    fn remove(&mut self, hash_of_removed: u32, at: usize, slots: &[Slot]) {
        let Some(mut gap) = self.position(hash_of_removed, at) else { return };
        let number = self.cells.len();
        let distance = |from: usize, to: usize| if to >= from { to - from } else { to + number - from };
        let mut next = gap;
        loop {
            next = if next + 1 == number { 0 } else { next + 1 };
            let cell = self.cells[next];
            if cell == EMPTY {
                break;
            }
            let home = self.home(hash(slots[usize::from(cell & POSITION)].member()));
            if distance(home, next) >= distance(gap, next) {
                self.cells[gap] = cell;
                gap = next;
            }
        }
        self.cells[gap] = EMPTY;
    }

    /// The cell of a peer.
    fn position(&self, hash: u32, at: usize) -> Option<usize> {
        if self.is_none() {
            return None;
        }
        let (home, wanted) = (self.home(hash), cell(hash, at));
        let (before, after) = self.cells.split_at(home);
        let found = after.iter().position(|cell| *cell == wanted).map(|offset| home + offset);
        found.or_else(|| before.iter().position(|cell| *cell == wanted))
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }
}

fn cell(hash: u32, at: usize) -> u16 {
    tag(hash) | short(at) & POSITION
}
