//! How many requests of one member run at once, so that others' do not wait for all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::id::UserId;

/// After this a member who has too many is told to come back.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A queue for each member who has requests that run or wait. Clones belong together.
#[derive(Debug, Clone)]
pub struct Queues {
    at_once: usize,
    most: usize,
    members: Arc<Mutex<HashMap<UserId, Queue>>>,
}

/// The requests of one member.
#[derive(Debug)]
struct Queue {
    permits: Arc<Semaphore>,
    /// Those that run or wait.
    length: usize,
}

/// The right to run one request.
#[derive(Debug)]
pub struct QueuePermit {
    _permit: OwnedSemaphorePermit,
    _entry: Entry,
}

/// A request in its member's queue.
#[derive(Debug)]
struct Entry {
    queues: Queues,
    member: UserId,
}

impl Queues {
    /// Queues that let `at_once` requests of each member run, and at most `most` run or wait.
    pub fn new(at_once: usize, most: usize) -> Self {
        Self { at_once, most, members: Arc::default() }
    }

    /// Waits until another request of `member` may run. Hold no database connection meanwhile.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a member who sends more than may wait.
    pub async fn permit(&self, member: UserId) -> Result<QueuePermit, Error> {
        let (permits, entry) = self.enter(member).ok_or(Error::TooMany { retry_after: RETRY_AFTER })?;
        let closed = |error| Error::Internal(anyhow::Error::new(error));
        let permit = permits.acquire_owned().await.map_err(closed)?;
        Ok(QueuePermit { _permit: permit, _entry: entry })
    }

    fn enter(&self, member: UserId) -> Option<(Arc<Semaphore>, Entry)> {
        let mut members = self.members.lock();
        let new = || Queue { permits: Arc::new(Semaphore::new(self.at_once)), length: 0 };
        let queue = members.entry(member).or_insert_with(new);
        if queue.length >= self.most {
            return None;
        }
        queue.length += 1;
        Some((Arc::clone(&queue.permits), Entry { queues: self.clone(), member }))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut members = self.queues.members.lock();
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

    fn now(queues: &Queues, member: i32) -> Option<Result<QueuePermit, Error>> {
        queues.permit(UserId(member)).now_or_never()
    }

    #[test]
    fn a_member_waits_for_their_own_requests_only() {
        let queues = Queues::new(2, 10);
        let [first, _second] = [(), ()].map(|()| now(&queues, 1).expect("a free place"));
        assert!(now(&queues, 1).is_none(), "two run");
        assert!(now(&queues, 2).is_some_and(|it| it.is_ok()));
        drop(first);
        assert!(now(&queues, 1).is_some_and(|it| it.is_ok()));
    }

    #[test]
    fn a_member_who_sends_more_than_may_wait_is_told_so() {
        let queues = Queues::new(1, 3);
        let waiting = [(); 3].map(|()| queues.enter(UserId(1)).expect("room"));
        assert!(matches!(now(&queues, 1), Some(Err(Error::TooMany { .. }))));
        assert!(now(&queues, 2).is_some_and(|it| it.is_ok()));
        drop(waiting);
        assert!(now(&queues, 1).is_some_and(|it| it.is_ok()));
    }

    #[test]
    fn members_without_requests_are_forgotten() {
        let queues = Queues::new(1, 3);
        drop(now(&queues, 1));
        assert!(queues.members.lock().is_empty());
    }
}
