//! How many event streams are open, for each member and in all.

use std::collections::HashMap;
use std::sync::Arc;

use crate::id::UserId;
use parking_lot::Mutex;

/// Streams of one member: some browser tabs in several browsers.
const PER_MEMBER: usize = 20;

/// Streams in all, each a task and a socket.
const IN_ALL: usize = 2000;

/// Places for event streams; clones belong together.
#[derive(Debug, Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<UserId, usize>>>);

/// A place that is free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    member: UserId,
}

impl Seats {
    /// How many are taken, by all members.
    pub fn taken(&self) -> usize {
        self.0.lock().values().sum()
    }

    /// A place for `member`; `None` when they have too many, or all together have.
    pub fn take(&self, member: UserId) -> Option<Seat> {
        let mut taken = self.0.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&member).copied().unwrap_or_default();
        if own >= PER_MEMBER || all >= IN_ALL {
            return None;
        }
        taken.insert(member, own + 1);
        Some(Seat { seats: self.clone(), member })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock();
        if let Some(own) = taken.get_mut(&self.member) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_who_is_refused_leaves_nothing_behind() {
        let seats = Seats::default();
        let held: Vec<Seat> = (0..IN_ALL)
            .map(|place| {
                seats.take(UserId(i32::try_from(place / PER_MEMBER).expect("small"))).expect("a place")
            })
            .collect();
        assert!(seats.take(UserId(-1)).is_none());
        assert!(!seats.0.lock().contains_key(&UserId(-1)));
        drop(held);
        assert!(seats.0.lock().is_empty());
    }

    #[test]
    fn places_are_counted_for_each_member_and_given_back() {
        let seats = Seats::default();
        let mut held: Vec<Seat> = (0..PER_MEMBER).map(|_| seats.take(UserId(1)).expect("a place")).collect();
        assert!(seats.take(UserId(1)).is_none());
        assert!(seats.take(UserId(2)).is_some());
        held.pop();
        assert!(seats.take(UserId(1)).is_some());
    }
}
