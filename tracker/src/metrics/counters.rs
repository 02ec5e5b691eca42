//! Counters of which each thread has its own: an announce writes to no memory that another core writes to.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bt::messages::control::{PROTOCOLS, Protocol, VERDICTS, Verdict};
use bt::route::Action;
use parking_lot::Mutex;

/// One announce in so many is timed.
pub(crate) const SAMPLE: u32 = 64;

/// Upper bounds of the histogram's buckets, in nanoseconds; one more bucket has no bound.
pub(super) const BOUNDS: [u64; 16] = [
    250,
    500,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    128_000,
    256_000,
    512_000,
    1_024_000,
    2_048_000,
    4_096_000,
    1_000_000_000,
];

/// Counters of every thread of this process, also of those that have ended. Locked when a thread counts for the first
/// time, and when Prometheus reads.
static THREADS: Mutex<Vec<Arc<Counters>>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: Arc<Counters> = {
        let own = Arc::<Counters>::default();
        THREADS.lock().push(Arc::clone(&own));
        own
    };
    /// Announces until the next one that is timed.
    static UNTIMED: Cell<u32> = const { Cell::new(0) };
}

/// Numbers that one thread writes and others read.
#[derive(Debug, Default)]
struct Counters {
    announces: Outcomes,
    scrapes: Outcomes,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// The sum of all times, in nanoseconds.
    time: AtomicU64,
}

/// Numbers of requests by protocol and verdict.
type Outcomes = [[AtomicU64; VERDICTS.len()]; PROTOCOLS.len()];

/// The sums of all threads.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) announces: [[u64; VERDICTS.len()]; PROTOCOLS.len()],
    pub(super) scrapes: [[u64; VERDICTS.len()]; PROTOCOLS.len()],
    pub(super) buckets: [u64; BOUNDS.len() + 1],
    pub(super) time: u64,
}

/// Counts one request.
pub(crate) fn count(action: Action, protocol: Protocol, verdict: Verdict) {
    OWN.with(|own| {
        let outcomes = match action {
            Action::Announce => &own.announces,
            Action::Scrape => &own.scrapes,
        };
        add(&outcomes[protocol as usize][verdict as usize], 1);
    });
}

/// When an announce began, for one in [`SAMPLE`]. The time spent waiting for the database counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Timing {
    #[default]
    Undecided,
    Untimed,
    Since(Instant),
}

impl Timing {
    /// Decides whether to time the announce, and begins. Does nothing if it was decided before.
    pub(crate) fn begin(&mut self) {
        if let Self::Undecided = self {
            let count = UNTIMED.get();
            UNTIMED.set(if count == 0 { SAMPLE - 1 } else { count - 1 });
            *self = if count == 0 { Self::Since(Instant::now()) } else { Self::Untimed };
        }
    }

    /// Records how long the announce took.
    pub(crate) fn end(self) {
        if let Self::Since(started) = self {
            record(started.elapsed());
        }
    }
}

/// Adds a time to the histogram.
fn record(time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    OWN.with(|own| {
        add(&own.buckets[BOUNDS.partition_point(|bound| *bound < nanoseconds)], 1);
        add(&own.time, nanoseconds);
    });
}

/// Adds to a counter of this thread, without an atomic read-modify-write: no other thread writes to it.
fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// Adds up what all threads have counted.
pub(super) fn sums() -> Sums {
    let mut sums = Sums::default();
    for thread in THREADS.lock().iter() {
        let Counters { announces, scrapes, buckets, time } = &**thread;
        for (sum, number) in sums.announces.as_flattened_mut().iter_mut().zip(announces.as_flattened()) {
            *sum += number.load(Ordering::Relaxed);
        }
        for (sum, number) in sums.scrapes.as_flattened_mut().iter_mut().zip(scrapes.as_flattened()) {
            *sum += number.load(Ordering::Relaxed);
        }
        for (sum, number) in sums.buckets.iter_mut().zip(buckets) {
            *sum += number.load(Ordering::Relaxed);
        }
        sums.time += time.load(Ordering::Relaxed);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_threads_count_is_added_up() {
        let before = sums();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    for _ in 0..1000 {
                        count(Action::Announce, Protocol::Udp, Verdict::TooOften);
                    }
                    record(Duration::from_nanos(2001));
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        let after = sums();
        let counted = |sums: &Sums| sums.announces[Protocol::Udp as usize][Verdict::TooOften as usize];
        assert_eq!(counted(&after) - counted(&before), 4000);
        assert_eq!(after.buckets[4] - before.buckets[4], 4);
        assert_eq!(after.time - before.time, 4 * 2001);
    }

    #[test]
    fn one_announce_in_64_is_timed() {
        let mut timings = vec![Timing::default(); SAMPLE as usize * 10];
        for timing in &mut timings {
            // The second call is the one after the database was asked.
            timing.begin();
            timing.begin();
        }
        let timed = timings.iter().filter(|timing| matches!(timing, Timing::Since(_))).count();
        assert_eq!(timed, 10);
    }
}
