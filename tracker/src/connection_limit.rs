//! The number of connections that may be open at the same time, over all threads.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors left for the database, ZeroMQ, Prometheus and files, which come and go beside connections.
const OTHER_DESCRIPTORS: u64 = 64;

/// File descriptors that an event loop needs for itself: epoll and its waker.
const DESCRIPTORS_PER_THREAD: u64 = 2;

/// Counts open connections against a limit; clones share the count.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit {
    open: Arc<AtomicUsize>,
    /// Threads that have clients waiting to be accepted.
    waiting_threads: Arc<AtomicUsize>,
    limit: usize,
}

impl ConnectionLimit {
    /// Allows `count` connections, or fewer if the system's limit of open files does not leave as many beside the files
    /// open now and those of `threads` event loops. Further clients wait in the system's queue.
    pub(crate) fn new(count: usize, threads: usize) -> Self {
        let limit = raise_descriptor_limit().map_or(count, |descriptors| {
            let rest = descriptors.saturating_sub(reserved(open_descriptors(), threads)).max(1);
            usize::try_from(rest).unwrap_or(usize::MAX).min(count)
        });
        if limit < count {
            tracing::warn!(
                connections = limit,
                "the limit of open files allows fewer than maxConnections; raise it (LimitNOFILE, ulimit -n)"
            );
        }
        Self { open: Arc::default(), waiting_threads: Arc::default(), limit }
    }

    /// Counts one more connection, unless the limit is reached. Says whether it did.
    pub(crate) fn acquire(&self) -> bool {
        let is_allowed = self.open.fetch_add(1, Relaxed) < self.limit;
        if !is_allowed {
            self.release();
        }
        is_allowed
    }

    /// Counts one connection fewer, after [`ConnectionLimit::acquire`] counted it.
    pub(crate) fn release(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    /// The number of open connections.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Notes that the calling thread has clients that it cannot accept, or that it has none any more.
    pub(crate) fn set_waiting(&self, waiting: bool) {
        if waiting {
            self.waiting_threads.fetch_add(1, Relaxed);
        } else {
            self.waiting_threads.fetch_sub(1, Relaxed);
        }
    }

    /// Whether any thread has clients which it cannot accept.
    pub(crate) fn is_crowded(&self) -> bool {
        self.waiting_threads.load(Relaxed) > 0
    }
}

/// Raises this process's limit of open files as far as the system lets it, and returns it; `None` is no limit.
fn raise_descriptor_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        return current;
    }
    maximum
}

/// The number of open file descriptors; 0 where the system does not tell.
fn open_descriptors() -> u64 {
    // One of them is the open folder `/proc/self/fd` itself.
    fs::read_dir("/proc/self/fd").map_or(0, |found| found.count().saturating_sub(1) as u64)
}

/// File descriptors that connections may not take.
fn reserved(open: u64, threads: usize) -> u64 {
    open + OTHER_DESCRIPTORS + DESCRIPTORS_PER_THREAD * threads as u64
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn clones_share_one_limit() {
        let limit = ConnectionLimit::new(2, 1);
        let same = limit.clone();
        assert!(limit.acquire() && same.acquire());
        assert!(!limit.acquire() && !same.acquire());
        same.release();
        assert!(limit.acquire() && !same.acquire());
    }

    #[test]
    fn the_limit_leaves_descriptors_for_everything_else() {
        let held: Vec<File> = (0..20).map(|_| File::open("/dev/null").expect("it opens")).collect();
        let connections = ConnectionLimit::new(usize::MAX, 10).limit;
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        if let Some(limit) = limit.current {
            let reserved = reserved(held.len() as u64, 10);
            assert!(connections as u64 <= limit - reserved, "{connections} of {limit} beside {reserved}");
        }
    }
}
