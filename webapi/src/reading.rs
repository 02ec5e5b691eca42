//! Database connections of requests that only read: when a visitor goes away, their running query is cancelled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, ObjectId};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task_local;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};

use crate::domain::member::queues::{QueuePermit, Queues};
use crate::error::Error;
use crate::id::UserId;

/// Longest wait for Postgres to accept a cancellation, which needs a connection of its own.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

task_local! {
    /// The connections lent to the request that this task answers.
    static REQUEST: Arc<Lendings>;
}

/// Runs a request that only reads: [`crate::app::App::connection`] lends it reading connections, and queries that still
/// run when its visitor goes away are cancelled.
pub async fn follow<R>(holders: Arc<Holders>, request: impl Future<Output = R>) -> R {
    let lendings = Arc::new(Lendings {
        holders,
        list: Mutex::default(),
        permits: Mutex::default(),
        waited: Mutex::default(),
    });
    let mut request = Box::pin(REQUEST.scope(Arc::clone(&lendings), request));
    // Declared after the request, so dropped before it: the request still holds its connections when it is cancelled.
    let mut unfinished = Unfinished(Some(lendings));
    let response = request.as_mut().await;
    unfinished.0 = None;
    response
}

/// Whether the present task answers a request that only reads.
pub fn is_reading() -> bool {
    REQUEST.try_with(|_| ()).is_ok()
}

/// Notes that `connection` is lent to the present request. `false` if it must not be lent: a cancellation of its
/// previous request may still arrive and would hit the new query.
pub fn lend(connection: &Object) -> bool {
    REQUEST.try_with(|lendings| lendings.add(connection)).unwrap_or(true)
}

/// Cancels the running queries of the present request. To be called when its time is over, before it is dropped.
pub fn cancel() {
    let _ = REQUEST.try_with(|lendings| lendings.cancel());
}

/// Waits at most `limit` until another request of `member` may run, and keeps the permit until the present request has
/// its answer. The wait does not count as time that the request takes: see [`waited`]. Returns at once if the present
/// task answers no request that only reads.
///
/// # Errors
/// [`Error::TooManyRequests`] for a member of whom too many requests wait, or after `limit`.
pub async fn wait_for_permit(queues: &Queues, member: UserId, limit: Duration) -> Result<(), Error> {
    let Ok(lendings) = REQUEST.try_with(Arc::clone) else { return Ok(()) };
    // Until the wait is over it may take that long.
    *lendings.waited.lock() = limit;
    let started = Instant::now();
    let permit = timeout(limit, queues.permit(member)).await;
    *lendings.waited.lock() = started.elapsed();
    match permit {
        Ok(Ok(permit)) => {
            lendings.permits.lock().push(permit);
            Ok(())
        }
        Ok(Err(Error::TooMany { .. })) | Err(_) => Err(Error::TooManyRequests {
            message: "you have opened too many pages at once; wait until they are there".to_owned(),
            retry_after: limit,
        }),
        Ok(Err(error)) => Err(error),
    }
}

/// How long the present request has waited for other requests of its member, or may still wait at most.
pub fn waited() -> Duration {
    REQUEST.try_with(|lendings| *lendings.waited.lock()).unwrap_or_default()
}

/// Cancels a request's queries if it is dropped before it is answered.
struct Unfinished(Option<Arc<Lendings>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(lendings) = &self.0 {
            lendings.cancel();
        }
    }
}

/// The connections lent to one request, usually one after the other.
struct Lendings {
    holders: Arc<Holders>,
    list: Mutex<Vec<(Lending, CancelToken)>>,
    permits: Mutex<Vec<QueuePermit>>,
    /// See [`waited`].
    waited: Mutex<Duration>,
}

impl Lendings {
    fn add(&self, connection: &Object) -> bool {
        let lending = self.holders.lend(Object::id(connection));
        let known = lending.is_some();
        self.list.lock().extend(lending.map(|it| (it, connection.cancel_token())));
        known
    }

    fn cancel(&self) {
        let lent = std::mem::take(&mut *self.list.lock());
        for (lending, token) in lent {
            if !self.holders.give_up(&lending) {
                continue;
            }
            // There is no runtime only while the process ends.
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(async move {
                    match timeout(CANCEL_TIMEOUT, token.cancel_query(NoTls)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => {
                            tracing::warn!(error = infra::db::state(&error), "cannot cancel a query");
                        }
                        Err(_) => tracing::warn!("the database did not accept a cancellation in time"),
                    }
                });
            }
        }
    }
}

/// Most connections whose lending is remembered; a pool has fewer.
const REMEMBERED: usize = 1024;

/// The latest lending of each reading connection.
///
/// Postgres cancels whatever runs on a connection, not a certain query. So only the latest lending of a connection may
/// cancel, and the connection is never lent again afterwards.
#[derive(Debug, Default)]
pub struct Holders {
    /// Locked for one look-up.
    latest: Mutex<Latest>,
    /// The number of cancellations.
    cancelled: AtomicU64,
}

#[derive(Debug, Default)]
struct Latest {
    /// The number of lendings so far.
    count: u64,
    /// The number of each connection's latest lending; `None` after it was cancelled.
    numbers: BTreeMap<ObjectId, Option<u64>>,
}

/// One connection lent to one request.
#[derive(Debug)]
struct Lending {
    connection: ObjectId,
    number: u64,
}

impl Holders {
    /// The number of queries cancelled because nobody waited for them.
    pub fn cancelled(&self) -> u64 {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Notes a lending; `None` if the connection's latest lending was cancelled.
    fn lend(&self, connection: ObjectId) -> Option<Lending> {
        let mut latest = self.latest.lock();
        latest.count += 1;
        let number = latest.count;
        match latest.numbers.insert(connection, Some(number)) {
            Some(None) => {
                latest.numbers.remove(&connection);
                return None;
            }
            // Ids ascend: the smallest belong to connections that were closed long ago.
            None if latest.numbers.len() > REMEMBERED => drop(latest.numbers.pop_first()),
            Some(Some(_)) | None => {}
        }
        Some(Lending { connection, number })
    }

    /// Marks the connection as cancelled, and says whether `lending` was still its latest one.
    fn give_up(&self, lending: &Lending) -> bool {
        let mut latest = self.latest.lock();
        let number = latest.numbers.get_mut(&lending.connection);
        let given_up = number.filter(|it| **it == Some(lending.number)).is_some_and(|it| it.take().is_some());
        self.cancelled.fetch_add(given_up.into(), Ordering::Relaxed);
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_others_of_its_member_as_long_as_it_may() {
        let (queues, limit) = (Queues::new(1, 10), Duration::from_secs(2));
        let first = queues.permit(UserId(1)).await.expect("a permit");
        let request = || async {
            let answer = wait_for_permit(&queues, UserId(1), limit).await;
            (answer, waited())
        };
        let (refused, _) = follow(Arc::default(), request()).await;
        assert!(matches!(refused, Err(Error::TooManyRequests { .. })), "{refused:?}");
        drop(first);
        let (answered, waited) = follow(Arc::default(), request()).await;
        assert!(answered.is_ok() && waited < limit, "{waited:?}");
        let (other, _) = follow(Arc::default(), request()).await;
        assert!(other.is_ok(), "the permit was given back with the answer");
    }
}
