//! How long an announce takes while a million peers expire beside it: `expiry [PEERS [TORRENTS [RUNS]]]`.
//!
//! One thread announces as fast as it can, each announce timed by the clock on the wall, while another has all other
//! peers expire, in the tracker's own steps and under its own locks. In turn with that, the same thread announces for
//! as long with no expiry beside it: a machine that stands still now and then does so in either.

#![expect(clippy::expect_used, reason = "a measurement that cannot be made fails")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bt::InfoHash;
use bt::announce::Event;
use bt::swarm::{Announcement, PeerBuffer};
use tracker::measuring::Peers;

/// Peers that announce while the others expire.
const LIVELY: u32 = 10_000;

/// How unequal torrents are, by Zipf's law.
const EXPONENT: f64 = 0.8;

/// Time between two gatherings of reports, which are not measured.
const GATHERED: u32 = 10_000;

/// The goal: no announce takes longer.
const GOAL: Duration = Duration::from_millis(2);

struct World {
    peers: Peers,
    /// The announce of each peer, by the peer's number.
    announces: Vec<(InfoHash, Announcement)>,
}

/// The latencies of a thread in one run.
struct Run {
    number: u64,
    longest: Duration,
    /// Announces that took longer than the goal.
    beyond: u64,
}

impl World {
    fn new(population: u32, torrents: u32) -> Self {
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=torrents)
            .map(|rank| {
                sum += f64::from(rank).powf(-EXPONENT);
                sum
            })
            .collect();
        let announce = |number: u32| {
            let mut dice = fastrand::Rng::with_seed(number.into());
            let point = dice.f64() * sum;
            let torrent = sums.partition_point(|sum| *sum < point);
            let mut info_hash = [0; 20];
            fastrand::Rng::with_seed(torrent as u64).fill(&mut info_hash);
            let [a, b, c, d] = number.to_be_bytes();
            let announcement = Announcement {
                member: dice.u32(..population.div_ceil(20)),
                identity: number,
                client: *b"-qB5050-",
                endpoint: ([a ^ 0x0a, b, c, d], 6881).into(),
                uploaded: 0,
                downloaded: 0,
                left: Some(if dice.u8(..4) == 0 { 1 << 30 } else { 0 }),
                event: Event::None,
                numwant: 50,
            };
            (info_hash.into(), announcement)
        };
        Self { peers: Peers::default(), announces: (0..population).map(announce).collect() }
    }

    /// Every peer announces.
    fn fill(&self, now: u32) {
        let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
        for (number, (info_hash, announcement)) in (1..).zip(&self.announces) {
            self.peers.announce(*info_hash, announcement, now, &mut rng, &mut buffer);
            if number % GATHERED == 0 {
                self.peers.gather();
            }
        }
    }

    /// Announces of the lively peers until `stop`.
    fn announce(&self, now: u32, stop: &AtomicBool) -> Run {
        let (mut rng, mut buffer) = (fastrand::Rng::with_seed(2), PeerBuffer::default());
        let mut dice = fastrand::Rng::with_seed(3);
        let mut run = Run { number: 0, longest: Duration::ZERO, beyond: 0 };
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..GATHERED {
                let (info_hash, announcement) = &self.announces[dice.usize(..LIVELY as usize)];
                let begun = Instant::now();
                self.peers.announce(*info_hash, announcement, now, &mut rng, &mut buffer);
                let time = begun.elapsed();
                run.longest = run.longest.max(time);
                run.beyond += u64::from(time > GOAL);
            }
            run.number += u64::from(GATHERED);
            self.peers.gather();
        }
        run
    }

    /// Announces while `work` is done beside it.
    fn beside(&self, now: u32, work: impl FnOnce()) -> Run {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let announcing = scope.spawn(|| self.announce(now, &stop));
            work();
            stop.store(true, Ordering::Relaxed);
            announcing.join().expect("no panic")
        })
    }
}

fn print(what: &str, runs: &[Run]) {
    let mut longest: Vec<Duration> = runs.iter().map(|run| run.longest).collect();
    longest.sort_unstable();
    let number: u64 = runs.iter().map(|run| run.number).sum();
    let beyond: u64 = runs.iter().map(|run| run.beyond).sum();
    println!(
        "{what}: {number} announces in {} runs; the longest of a run: median {:?}, most {:?}; {beyond} took more \
         than {GOAL:?}",
        runs.len(),
        longest[longest.len() / 2],
        longest[longest.len() - 1],
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |at: usize, default: u32| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    let (population, torrents, runs) = (argument(0, 1_000_000), argument(1, 10_000), argument(2, 20));
    let world = World::new(population.max(LIVELY), torrents);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (mut alone, mut beside, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut expected = Duration::from_millis(100);
    for run in 0..runs {
        let now = run * 1000;
        world.fill(now);
        alone.push(world.beside(now + 1, || std::thread::sleep(expected)));
        beside.push(world.beside(now + 500, || {
            let begun = Instant::now();
            runtime.block_on(world.peers.expire(now + 500, 100));
            expected = begun.elapsed();
        }));
        times.push(expected);
        let here = world.peers.number();
        assert!(here <= (2 * LIVELY).into(), "{here} peers are left");
    }
    times.sort_unstable();
    println!("{population} peers in {torrents} torrents expire in {:?}", times[times.len() / 2]);
    print("alone", &alone);
    print("beside", &beside);
}
