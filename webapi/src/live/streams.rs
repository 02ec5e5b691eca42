//! Limits the open event streams of each member and of all members together.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::id::UserId;

/// Most streams of one member: enough for some tabs in several browsers.
const MAX_PER_MEMBER: usize = 20;

/// Most streams of all members together. Each is a task and a socket.
const MAX_STREAMS: usize = 2000;

/// Counts open event streams; clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct EventStreams(Arc<Mutex<HashMap<UserId, usize>>>);

/// Permission to keep one event stream open until the value is dropped.
#[derive(Debug)]
pub struct StreamPermit {
    streams: EventStreams,
    member: UserId,
}

impl EventStreams {
    /// The number of open streams of all members.
    pub fn count(&self) -> usize {
        self.0.lock().values().sum()
    }

    /// Counts a stream of `member`; `None` if the member, or all members together, have too many.
    pub fn open(&self, member: UserId) -> Option<StreamPermit> {
        let mut open = self.0.lock();
        let all: usize = open.values().sum();
        let own = open.get(&member).copied().unwrap_or_default();
        if own >= MAX_PER_MEMBER || all >= MAX_STREAMS {
            return None;
        }
        open.insert(member, own + 1);
        Some(StreamPermit { streams: self.clone(), member })
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock();
        if let Some(own) = open.get_mut(&self.member) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_who_is_refused_leaves_nothing_behind() {
        let streams = EventStreams::default();
        let held: Vec<StreamPermit> = (0..MAX_STREAMS)
            .map(|nth| {
                streams.open(UserId(i32::try_from(nth / MAX_PER_MEMBER).expect("small"))).expect("a stream")
            })
            .collect();
        assert!(streams.open(UserId(-1)).is_none());
        assert!(!streams.0.lock().contains_key(&UserId(-1)));
        drop(held);
        assert!(streams.0.lock().is_empty());
    }

    #[test]
    fn streams_are_counted_for_each_member_until_they_are_dropped() {
        let streams = EventStreams::default();
        let mut held: Vec<StreamPermit> =
            (0..MAX_PER_MEMBER).map(|_| streams.open(UserId(1)).expect("a stream")).collect();
        assert!(streams.open(UserId(1)).is_none());
        assert!(streams.open(UserId(2)).is_some());
        held.pop();
        assert!(streams.open(UserId(1)).is_some());
    }
}
