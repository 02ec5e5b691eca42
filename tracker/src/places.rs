//! How many connections there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors for all that is no connection: the database, ZeroMQ, log and files.
const OTHER_DESCRIPTORS: u64 = 64;

/// Room for connections; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    all: usize,
}

impl Places {
    /// Room for so many at the same time, or for as many as the system lets this process have. More wait in the
    /// system's queue.
    pub(crate) fn new(count: usize) -> Self {
        let all = descriptors().map_or(count, |limit| {
            let rest = limit.saturating_sub(OTHER_DESCRIPTORS).max(1);
            usize::try_from(rest).unwrap_or(usize::MAX).min(count)
        });
        if all < count {
            tracing::warn!(
                connections = all,
                "the limit of open files allows fewer than maxConnections; raise it (LimitNOFILE, ulimit -n)"
            );
        }
        Self { taken: Arc::default(), all }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_said() {
        let places = Places::new(2);
        let same = places.clone();
        assert!(places.take() && same.take());
        assert!(!places.take() && !same.take());
        same.give_back();
        assert!(places.take() && !same.take());
    }

    #[test]
    fn there_are_no_more_places_than_descriptors() {
        let places = Places::new(usize::MAX);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        if let Some(limit) = limit.current {
            assert_eq!(places.all as u64, limit - OTHER_DESCRIPTORS);
        }
    }
}
