//! Members by id, in a radix tree of three levels. One look-up finds all that an announce needs of its member; no two
//! members share a lock.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use bt::swarm::Budget;
use parking_lot::{Mutex, RwLock};

use super::Member;
use crate::decisions::Decisions;
use crate::limits::TokenBucket;

/// The lowest bits of an id: they choose a record within its page.
const RECORD_BITS: u32 = 10;

/// The bits above those: they choose a page. The remaining 11 choose the list of pages.
const PAGE_BITS: u32 = 11;

type Page = Box<[MemberRecord]>;
type Pages = Box<[OnceLock<Page>]>;

/// All members. The database gives ids out one after the other, so that pages fill up. A page is made for the first
/// member that the database has there, so that forged ids take no memory.
#[derive(Debug)]
pub(super) struct Members(Box<[OnceLock<Pages>]>);

/// What is kept of a member, from the first time that the database named it.
#[derive(Debug, Default)]
pub(crate) struct MemberRecord {
    /// The member's row in the database; `None` before the database had one, and once the member is deleted. The feed
    /// writes it when the row changes. Held for one copy.
    account: RwLock<Option<Member>>,
    /// Announces and scrapes that the member may still make.
    pub(crate) bucket: TokenBucket,
    /// Bytes that the member may still be accounted for.
    pub(crate) budget: Budget,
    /// When an endpoint of the member was last queued for a connection: second of the tracker's clock plus 1, or 0 if
    /// none was.
    pub(crate) last_tried: AtomicU32,
    /// The member's latest decisions. Held for one push or one copy.
    decisions: Mutex<Decisions>,
}

impl Default for Members {
    fn default() -> Self {
        Self(empty(u32::BITS - PAGE_BITS - RECORD_BITS))
    }
}

impl Members {
    /// The record with this id, if its page exists.
    pub(super) fn record(&self, id: u32) -> Option<&MemberRecord> {
        let (pages, page, record) = split(id);
        Some(&self.0[pages].get()?[page].get()?[record])
    }

    /// Stores the member's row.
    pub(super) fn put(&self, id: u32, member: Member) {
        let (pages, page, record) = split(id);
        let pages = self.0[pages].get_or_init(|| empty(PAGE_BITS));
        let page =
            pages[page].get_or_init(|| (0..1 << RECORD_BITS).map(|_| MemberRecord::default()).collect());
        *page[record].account.write() = Some(member);
    }

    /// Drops the member's row and decisions.
    pub(super) fn remove(&self, id: u32) {
        if let Some(record) = self.record(id) {
            *record.account.write() = None;
            *record.decisions.lock() = Decisions::default();
        }
    }
}

impl MemberRecord {
    /// The member's row, if there is such a member.
    pub(crate) fn member(&self) -> Option<Member> {
        *self.account.read()
    }

    /// Gives access to the member's decisions; `use_them` must not wait for anything.
    pub(crate) fn with_decisions<T>(&self, use_them: impl FnOnce(&mut Decisions) -> T) -> T {
        use_them(&mut self.decisions.lock())
    }
}

fn empty<T>(bits: u32) -> Box<[OnceLock<T>]> {
    (0..1_usize << bits).map(|_| OnceLock::new()).collect()
}

/// The indices that lead to an id's record: list of pages, page, record.
fn split(id: u32) -> (usize, usize, usize) {
    let part = |shift: u32, bits: u32| (id >> shift) as usize & ((1 << bits) - 1);
    (part(RECORD_BITS + PAGE_BITS, 11), part(RECORD_BITS, PAGE_BITS), part(0, RECORD_BITS))
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
            assert_eq!(members.record(id).and_then(MemberRecord::member), None);
            let member = member(!id, id % 2 == 0);
            members.put(id, member);
            assert_eq!(members.record(id).and_then(MemberRecord::member), Some(member));
        }
        for id in ids {
            members.remove(id);
            assert_eq!(members.record(id).and_then(MemberRecord::member), None);
        }
    }

    #[test]
    fn ids_that_no_member_has_take_no_memory() {
        let members = Members::default();
        members.put(1, member(0, true));
        for id in (0..u32::MAX).step_by(1_000_003) {
            let _ = members.record(id);
        }
        assert_eq!(members.0.iter().filter(|pages| pages.get().is_some()).count(), 1);
    }
}
