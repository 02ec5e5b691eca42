//! Limits the searches that run at the same time: a costly one keeps a core and a database connection busy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::listing::Order;
use crate::error::Error;
use crate::id::UserId;

/// Most searches of one member that run or wait.
const PER_MEMBER: usize = 20;

/// `Retry-After` for a member who has too many.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Runs one search of each member at a time, and a few of all members together. Clones share the limits.
#[derive(Debug, Clone)]
pub struct Searches {
    all: Arc<Semaphore>,
    members: Arc<Mutex<HashMap<UserId, Queue>>>,
}

/// The searches of one member.
#[derive(Debug)]
struct Queue {
    running: Arc<Semaphore>,
    /// Searches that run or wait.
    length: usize,
}

/// The right to run one search.
#[derive(Debug)]
pub struct SearchPermit {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _entry: Entry,
}

/// A search in its member's queue.
#[derive(Debug)]
struct Entry {
    searches: Searches,
    member: UserId,
}

impl Searches {
    /// Allows `at_once` searches of all members together.
    pub fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), members: Arc::default() }
    }

    /// Waits until `member` may search. The caller must hold no database connection meanwhile.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a member of whom 20 searches run or wait already.
    pub async fn permit(&self, member: UserId) -> Result<SearchPermit, Error> {
        let (running, entry) = self.enter(member).ok_or(Error::TooMany { retry_after: RETRY_AFTER })?;
        let closed = |error| Error::Internal(anyhow::Error::new(error));
        // The member's own permit first: so only one search of each member waits for the shared permits.
        let own = running.acquire_owned().await.map_err(closed)?;
        let all = Arc::clone(&self.all).acquire_owned().await.map_err(closed)?;
        Ok(SearchPermit { _all: all, _own: own, _entry: entry })
    }

    /// [`Searches::permit`] if `order` has a search; a list without one needs no permission.
    pub async fn permit_for(&self, member: UserId, order: &Order) -> Result<Option<SearchPermit>, Error> {
        if order.search.is_empty() { Ok(None) } else { self.permit(member).await.map(Some) }
    }

    fn enter(&self, member: UserId) -> Option<(Arc<Semaphore>, Entry)> {
        let mut members = self.members.lock();
        let new = || Queue { running: Arc::new(Semaphore::new(1)), length: 0 };
        let queue = members.entry(member).or_insert_with(new);
        if queue.length >= PER_MEMBER {
            return None;
        }
        queue.length += 1;
        Some((Arc::clone(&queue.running), Entry { searches: self.clone(), member }))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut members = self.searches.members.lock();
        if let Some(queue) = members.get_mut(&self.member) {
            queue.length -= 1;
            if queue.length == 0 {
                members.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_member_searches_once_at_a_time_and_keeps_nobody_else_from_it() {
        let searches = Searches::new(2);
        let now =
            |member| searches.permit(UserId(member)).now_or_never().map(|permit| permit.expect("a permit"));
        let first = now(1).expect("a free place");
        assert!(now(1).is_none(), "while the first runs");
        let other = now(2).expect("a free place");
        assert!(now(3).is_none(), "two run");
        drop(first);
        assert!(now(1).is_some());
        drop(other);
        assert!(searches.members.lock().is_empty());
    }

    #[test]
    fn a_member_who_sends_more_than_can_wait_is_told_so() {
        let searches = Searches::new(1);
        let waiting: Vec<_> = (0..PER_MEMBER).map(|_| searches.enter(UserId(1)).expect("room")).collect();
        assert!(matches!(searches.permit(UserId(1)).now_or_never(), Some(Err(Error::TooMany { .. }))));
        assert!(searches.permit(UserId(2)).now_or_never().is_some_and(|it| it.is_ok()));
        drop(waiting);
        assert!(searches.permit(UserId(1)).now_or_never().is_some_and(|it| it.is_ok()));
    }
}
