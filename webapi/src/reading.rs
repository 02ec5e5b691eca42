//! Database connections of requests that only read: what nobody waits for any longer is cancelled in Postgres, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::{Object, ObjectId};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task_local;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};

use crate::domain::member::queues::QueuePermit;

/// Wait for Postgres to take a request for cancellation, over a connection of its own.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

task_local! {
    /// What the request of this task was lent.
    static REQUEST: Arc<Lendings>;
}

/// Runs a request that only reads: [`crate::app::App::connection`] lends it connections for reading, and queries that
/// still run when its visitor goes away are cancelled.
pub async fn follow<R>(holders: Arc<Holders>, request: impl Future<Output = R>) -> R {
    let lendings = Arc::new(Lendings { holders, list: Mutex::default(), permits: Mutex::default() });
    let mut request = Box::pin(REQUEST.scope(Arc::clone(&lendings), request));
    // Dropped before the request, which still holds its connections then.
    let mut unfinished = Unfinished(Some(lendings));
    let response = request.as_mut().await;
    unfinished.0 = None;
    response
}

/// Whether the present task belongs to a request that only reads.
pub fn is_reading() -> bool {
    REQUEST.try_with(|_| ()).is_ok()
}

/// Notes that `connection` goes to the present request; `false` for one that must not be lent again, since a query of
/// its last request may still be cancelled on it.
pub fn lend(connection: &Object) -> bool {
    REQUEST.try_with(|lendings| lendings.add(connection)).unwrap_or(true)
}

/// Cancels what the present request has running. Call it where its time is over, before the query is dropped.
pub fn cancel() {
    let _ = REQUEST.try_with(|lendings| lendings.cancel());
}

/// Keeps `permit` until the present request has its answer.
pub fn hold(permit: QueuePermit) {
    let _ = REQUEST.try_with(|lendings| lendings.permits.lock().push(permit));
}

/// A request that may be dropped before it is answered.
struct Unfinished(Option<Arc<Lendings>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(lendings) = &self.0 {
            lendings.cancel();
        }
    }
}

/// Connections that one request was lent, one after the other as a rule.
struct Lendings {
    holders: Arc<Holders>,
    list: Mutex<Vec<(Lending, CancelToken)>>,
    permits: Mutex<Vec<QueuePermit>>,
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
            // Without a runtime the process is about to end.
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(async move {
                    match timeout(CANCEL_TIMEOUT, token.cancel_query(NoTls)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => {
                            tracing::warn!(error = infra::db::state(&error), "a query was not cancelled");
                        }
                        Err(_) => tracing::warn!("the database took no cancellation in time"),
                    }
                });
            }
        }
    }
}

/// Connections that are remembered at most, more than a pool has.
const REMEMBERED: usize = 1024;

/// Which lending each connection for reading belongs to.
///
/// Postgres cancels by connection, not by query. So only the latest lending of a connection may cancel, and the
/// connection is not lent again after that.
#[derive(Debug, Default)]
pub struct Holders {
    /// Held for one look-up.
    latest: Mutex<Latest>,
    /// Connections that were told to stop.
    cancelled: AtomicU64,
}

#[derive(Debug, Default)]
struct Latest {
    /// Lendings so far.
    count: u64,
    /// The number of each connection's latest lending; `None` once that was given up.
    numbers: BTreeMap<ObjectId, Option<u64>>,
}

/// One lending of one connection.
#[derive(Debug)]
struct Lending {
    connection: ObjectId,
    number: u64,
}

impl Holders {
    /// How many connections were told to stop what they did for a request that nobody waited for any longer.
    pub fn cancelled(&self) -> u64 {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// `None` where the latest lending of the connection was given up.
    fn lend(&self, connection: ObjectId) -> Option<Lending> {
        let mut latest = self.latest.lock();
        latest.count += 1;
        let number = latest.count;
        match latest.numbers.insert(connection, Some(number)) {
            Some(None) => {
                latest.numbers.remove(&connection);
                return None;
            }
            // Ids ascend: the first are those of connections that were closed long ago.
            None if latest.numbers.len() > REMEMBERED => drop(latest.numbers.pop_first()),
            Some(Some(_)) | None => {}
        }
        Some(Lending { connection, number })
    }

    /// Whether the connection is still that of `lending`. It is not lent again.
    fn give_up(&self, lending: &Lending) -> bool {
        let mut latest = self.latest.lock();
        let number = latest.numbers.get_mut(&lending.connection);
        let given_up = number.filter(|it| **it == Some(lending.number)).is_some_and(|it| it.take().is_some());
        self.cancelled.fetch_add(given_up.into(), Ordering::Relaxed);
        given_up
    }
}
