//! How many connections there may be.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors for what comes and goes beside connections: the database, ZeroMQ, Prometheus and files.
const OTHER_DESCRIPTORS: u64 = 64;

/// File descriptors that a thread waits with.
const OF_A_THREAD: u64 = 2;

/// Room for connections; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    /// Threads whose clients wait for one.
    pressing: Arc<AtomicUsize>,
    all: usize,
}

impl Places {
    /// Room for so many at the same time, or for as many as the system lets this process have beside what is open by
    /// now and what `threads` are going to wait with. More wait in the system's queue.
    pub(crate) fn new(count: usize, threads: usize) -> Self {
        let all = descriptors().map_or(count, |limit| {
            let rest = limit.saturating_sub(others(open(), threads)).max(1);
            usize::try_from(rest).unwrap_or(usize::MAX).min(count)
        });
        if all < count {
            tracing::warn!(
                connections = all,
                "the limit of open files allows fewer than maxConnections; raise it (LimitNOFILE, ulimit -n)"
            );
        }
        Self { taken: Arc::default(), pressing: Arc::default(), all }
    }

    /// Takes a place if there is one.
    pub(crate) fn take(&self) -> bool {
        let taken = self.taken.fetch_add(1, Relaxed) < self.all;
        if !taken {
            self.give_back();
        }
        taken
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Says that clients of one more thread wait for a place, or of one fewer.
    pub(crate) fn press(&self, waiting: bool) {
        if waiting {
            self.pressing.fetch_add(1, Relaxed);
        } else {
            self.pressing.fetch_sub(1, Relaxed);
        }
    }

    /// Whether somebody waits for a place, at whichever thread.
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressing.load(Relaxed) > 0
    }

    /// Of one that was taken.
    pub(crate) fn give_back(&self) {
        self.taken.fetch_sub(1, Relaxed);
    }
}

/// Raises the limit of open files as far as it goes, and returns it; `None` is without limit.
fn descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        return current;
    }
    maximum
}

/// File descriptors that are open; none where the system does not tell.
fn open() -> u64 {
    // One of them is the folder itself.
    fs::read_dir("/proc/self/fd").map_or(0, |found| found.count().saturating_sub(1) as u64)
}

fn others(open: u64, threads: usize) -> u64 {
    open + OTHER_DESCRIPTORS + OF_A_THREAD * threads as u64
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn there_are_as_many_places_as_said() {
        let places = Places::new(2, 1);
        let same = places.clone();
        assert!(places.take() && same.take());
        assert!(!places.take() && !same.take());
        same.give_back();
        assert!(places.take() && !same.take());
    }

    #[test]
    fn there_are_no_more_places_than_descriptors() {
        let held: Vec<File> = (0..20).map(|_| File::open("/dev/null").expect("it opens")).collect();
        let places = Places::new(usize::MAX, 10);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        if let Some(limit) = limit.current {
            let others = others(held.len() as u64, 10);
            assert!(places.all as u64 <= limit - others, "{} of {limit} beside {others}", places.all);
        }
    }
}
