//! A member's row in atomic words: an announce reads it without a lock, and so without a write to memory.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::thread;

use bt::announce_key::{Binding, NONCE_LEN, Nonce};

use super::Member;

/// There is such a member.
const EXISTS: u32 = 1;
const ENABLED: u32 = 2;
/// The nonce is not empty.
const HAS_NONCE: u32 = 4;
/// The nonce before it is not empty.
const HAS_FORMER: u32 = 8;

/// A sequence lock around the row of one member.
///
/// A reader copies the words and tries again if the sequence number has changed meanwhile, or is odd. Rows change rarely,
/// and a write takes a few nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Odd while the words are being written; each change adds 2.
    sequence: AtomicU32,
    flags: AtomicU32,
    /// Version of the member's keys.
    version: AtomicU32,
    nonce: [AtomicU64; 2],
    former: [AtomicU64; 2],
}

impl Account {
    /// The row; `None` where there is no such member.
    pub(super) fn get(&self) -> Option<Member> {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            let flags = self.flags.load(Ordering::Relaxed);
            let version = self.version.load(Ordering::Relaxed);
            let (nonce, former) = (load(&self.nonce), load(&self.former));
            // The words are read before the second look at the sequence number.
            fence(Ordering::Acquire);
            if before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                let unless_empty = |flag, nonce: [u8; NONCE_LEN]| {
                    if flags & flag != 0 { nonce.into() } else { Nonce::EMPTY }
                };
                return (flags & EXISTS != 0).then(|| Member {
                    key: Binding { version, nonce: unless_empty(HAS_NONCE, nonce) },
                    former: unless_empty(HAS_FORMER, former),
                    enabled: flags & ENABLED != 0,
                });
            }
            thread::yield_now();
        }
    }

    /// Stores the row, or that there is none.
    pub(super) fn set(&self, member: Option<Member>) {
        let begun = self.begin();
        let flag = |set, flag| if set { flag } else { 0 };
        let flags = member.map_or(0, |Member { key, former, enabled }| {
            EXISTS
                | flag(enabled, ENABLED)
                | flag(key.nonce != Nonce::EMPTY, HAS_NONCE)
                | flag(former != Nonce::EMPTY, HAS_FORMER)
        });
        let Member { key, former, .. } =
            member.unwrap_or(Member { key: Binding::default(), former: Nonce::EMPTY, enabled: false });
        self.flags.store(flags, Ordering::Relaxed);
        self.version.store(key.version, Ordering::Relaxed);
        store(&self.nonce, key.nonce);
        store(&self.former, former);
        self.sequence.store(begun.wrapping_add(1), Ordering::Release);
    }

    /// Makes the sequence number odd, which keeps out other writers, and returns it.
    fn begin(&self) -> u32 {
        let mut sequence = self.sequence.load(Ordering::Relaxed);
        loop {
            let (even, odd) = (sequence & !1, sequence | 1);
            match self.sequence.compare_exchange_weak(even, odd, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                Err(other) => sequence = other,
            }
            thread::yield_now();
        }
        // No reader sees a new word beside the even number.
        fence(Ordering::Release);
        sequence | 1
    }
}

fn load([low, high]: &[AtomicU64; 2]) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&low.load(Ordering::Relaxed).to_le_bytes());
    nonce[8..].copy_from_slice(&high.load(Ordering::Relaxed).to_le_bytes());
    nonce
}

fn store([low, high]: &[AtomicU64; 2], nonce: Nonce) {
    let (halves, _) = nonce.as_bytes().as_chunks::<8>();
    for (word, half) in [low, high].into_iter().zip(halves) {
        word.store(u64::from_le_bytes(*half), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u8) -> Member {
        let key = Binding { version: number.into(), nonce: [number; NONCE_LEN].into() };
        Member { key, former: [number; NONCE_LEN].into(), enabled: number.is_multiple_of(2) }
    }

    #[test]
    fn a_row_is_read_as_it_was_stored() {
        let account = Account::default();
        assert_eq!(account.get(), None);
        let plain = Member { key: Binding::default(), former: Nonce::EMPTY, enabled: false };
        let zeros = Member { former: [0; NONCE_LEN].into(), ..plain };
        for row in [Some(member(7)), Some(plain), None, Some(zeros), Some(member(8))] {
            account.set(row);
            assert_eq!(account.get(), row);
        }
    }

    #[test]
    fn a_reader_never_sees_parts_of_two_rows() {
        let account = Account::default();
        account.set(Some(member(0)));
        thread::scope(|scope| {
            for first in [0, 100] {
                let account = &account;
                scope.spawn(move || {
                    for number in 0..50_000_u32 {
                        account.set(Some(member(first + (number % 100).to_le_bytes()[0])));
                    }
                });
            }
            for _ in 0..50_000 {
                let row = account.get().expect("there is always a row");
                assert_eq!(row, member(row.key.version.to_le_bytes()[0]));
            }
        });
    }
}
