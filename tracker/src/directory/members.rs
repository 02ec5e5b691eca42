//! Members by id. One look-up finds all that an announce needs of its member; no two members share a lock.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use bt::swarm::Budget;
use parking_lot::{Mutex, RwLock};

use super::Member;
use crate::decisions::Decisions;
use crate::limits::Allowance;

/// Bits of an id that choose a seat within a bench; those above choose the bench within a row, and the row.
const SEAT_BITS: u32 = 10;
const BENCH_BITS: u32 = 11;

type Bench = Box<[Seat]>;
type Row = Box<[OnceLock<Bench>]>;

/// All members. The database gives ids out one after the other, so that most of a bench is taken. Only members that
/// are in the database get a place: forged ids take no memory.
#[derive(Debug)]
pub(super) struct Members(Box<[OnceLock<Row>]>);

/// What is kept of a member, from the first time that the database named it.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// What the database says of the member; none before it named one, and when the member is deleted. Written when
    /// that changes; nobody waits while holding it.
    account: RwLock<Option<Member>>,
    /// What the member may still announce.
    pub(crate) allowance: Allowance,
    /// What the member may still be accounted for.
    pub(crate) budget: Budget,
    /// Second of the tracker's clock, plus one, of the last endpoint that was given to be connected to.
    pub(crate) tried: AtomicU32,
    /// Guards the member's latest decisions; nobody waits while holding it.
    decisions: Mutex<Decisions>,
}

impl Default for Members {
    fn default() -> Self {
        Self(empty(u32::BITS - BENCH_BITS - SEAT_BITS))
    }
}

impl Members {
    /// The member's place, if it ever had one.
    pub(super) fn seat(&self, id: u32) -> Option<&Seat> {
        let (row, bench, seat) = place(id);
        Some(&self.0[row].get()?[bench].get()?[seat])
    }

    /// Takes over what the database says.
    pub(super) fn put(&self, id: u32, member: Member) {
        let (row, bench, seat) = place(id);
        let row = self.0[row].get_or_init(|| empty(BENCH_BITS));
        let bench = row[bench].get_or_init(|| (0..1 << SEAT_BITS).map(|_| Seat::default()).collect());
        *bench[seat].account.write() = Some(member);
    }

    /// Forgets the member.
    pub(super) fn remove(&self, id: u32) {
        if let Some(seat) = self.seat(id) {
            *seat.account.write() = None;
            *seat.decisions.lock() = Decisions::default();
        }
    }
}

impl Seat {
    /// Who sits here, if anybody does.
    pub(crate) fn member(&self) -> Option<Member> {
        *self.account.read()
    }

    /// Uses the member's decisions.
    pub(crate) fn with_decisions<T>(&self, use_them: impl FnOnce(&mut Decisions) -> T) -> T {
        use_them(&mut self.decisions.lock())
    }
}

fn empty<T>(bits: u32) -> Box<[OnceLock<T>]> {
    (0..1_usize << bits).map(|_| OnceLock::new()).collect()
}

fn place(id: u32) -> (usize, usize, usize) {
    let part = |shift: u32, bits: u32| (id >> shift) as usize & ((1 << bits) - 1);
    (part(SEAT_BITS + BENCH_BITS, 11), part(SEAT_BITS, BENCH_BITS), part(0, SEAT_BITS))
}

#[cfg(test)]
mod tests {
    use bt::announce_key::{Binding, Nonce};

    use super::*;

    fn member(version: u32, enabled: bool) -> Member {
        Member { key: Binding { version, nonce: [7; 16].into() }, former: Nonce::EMPTY, enabled }
    }

    #[test]
    fn a_member_is_found_by_no_other_id() {
        let members = Members::default();
        let ids = [0, 1, 1023, 1024, 2_097_151, 2_097_152, u32::MAX];
        for id in ids {
            assert_eq!(members.seat(id).and_then(Seat::member), None);
            let member = member(!id, id % 2 == 0);
            members.put(id, member);
            assert_eq!(members.seat(id).and_then(Seat::member), Some(member));
        }
        for id in ids {
            members.remove(id);
            assert_eq!(members.seat(id).and_then(Seat::member), None);
        }
    }

    #[test]
    fn ids_that_no_member_has_take_no_memory() {
        let members = Members::default();
        members.put(1, member(0, true));
        for id in (0..u32::MAX).step_by(1_000_003) {
            let _ = members.seat(id);
        }
        assert_eq!(members.0.iter().filter(|row| row.get().is_some()).count(), 1);
    }
}
