//! How many searches run at once: a costly one keeps a processor and a connection busy, of the database's and of ours.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::listing::Order;
use crate::domain::member::queues::{QueuePermit, Queues};
use crate::error::Error;
use crate::id::UserId;

/// Searches of one member that run or wait, at most.
const PER_MEMBER: usize = 20;

/// One search of each member at a time, and of all members together a few.
#[derive(Debug)]
pub struct Searches {
    all: Arc<Semaphore>,
    members: Queues,
}

/// The right to run one search.
#[derive(Debug)]
pub struct Turn {
    _all: OwnedSemaphorePermit,
    _own: QueuePermit,
}

impl Searches {
    /// At most `at_once` of all members.
    pub fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), members: Queues::new(1, PER_MEMBER) }
    }

    /// Waits until `member` may search. Hold no database connection meanwhile.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a member who sends more than can be waited for.
    pub async fn turn(&self, member: UserId) -> Result<Turn, Error> {
        // First among one's own, so that a member waits for one place of all at most.
        let own = self.members.permit(member).await?;
        let all = Arc::clone(&self.all).acquire_owned().await;
        Ok(Turn { _all: all.map_err(|error| Error::Internal(error.into()))?, _own: own })
    }

    /// Waits as [`Searches::turn`] where `order` searches; a list alone needs no turn.
    pub async fn turn_for(&self, member: UserId, order: &Order) -> Result<Option<Turn>, Error> {
        if order.search.is_empty() { Ok(None) } else { self.turn(member).await.map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_member_searches_once_at_a_time_and_keeps_nobody_else_from_it() {
        let searches = Searches::new(2);
        let now = |member| searches.turn(UserId(member)).now_or_never().map(|turn| turn.expect("a turn"));
        let first = now(1).expect("a free place");
        assert!(now(1).is_none(), "while the first runs");
        let _other = now(2).expect("a free place");
        assert!(now(3).is_none(), "two run");
        drop(first);
        assert!(now(1).is_some());
    }
}
