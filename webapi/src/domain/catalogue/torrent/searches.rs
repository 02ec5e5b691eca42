//! Limits the searches that run at the same time: a costly one keeps a core and a database connection busy.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::listing::Order;
use crate::domain::member::queues::{QueuePermit, Queues};
use crate::error::Error;
use crate::id::UserId;

/// Most searches of one member that run or wait.
const PER_MEMBER: usize = 20;

/// Runs one search of each member at a time, and a few of all members together.
#[derive(Debug)]
pub struct Searches {
    all: Arc<Semaphore>,
    members: Queues,
}

/// The right to run one search.
#[derive(Debug)]
pub struct SearchPermit {
    _all: OwnedSemaphorePermit,
    _own: QueuePermit,
}

impl Searches {
    /// Allows `at_once` searches of all members together.
    pub fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), members: Queues::new(1, PER_MEMBER) }
    }

    /// Waits until `member` may search. The caller must hold no database connection meanwhile.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a member of whom 20 searches run or wait already.
    pub async fn permit(&self, member: UserId) -> Result<SearchPermit, Error> {
        // The member's own permit first: so only one search of each member waits for the shared permits.
        let own = self.members.permit(member).await?;
        let all = Arc::clone(&self.all).acquire_owned().await;
        Ok(SearchPermit { _all: all.map_err(|error| Error::Internal(error.into()))?, _own: own })
    }

    /// [`Searches::permit`] if `order` has a search; a list without one needs no permission.
    pub async fn permit_for(&self, member: UserId, order: &Order) -> Result<Option<SearchPermit>, Error> {
        if order.search.is_empty() { Ok(None) } else { self.permit(member).await.map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_member_searches_once_at_a_time_and_keeps_nobody_else_from_it() {
        let searches = Searches::new(2);
        let now = |member| searches.permit(UserId(member)).now_or_never().map(|it| it.expect("a permit"));
        let first = now(1).expect("a free place");
        assert!(now(1).is_none(), "while the first runs");
        let _other = now(2).expect("a free place");
        assert!(now(3).is_none(), "two run");
        drop(first);
        assert!(now(1).is_some());
    }
}
