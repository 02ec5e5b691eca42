//! What peers take of memory and how long the longest single step is: `footprint PEERS [TORRENTS [EXPONENT]]`.
//!
//! Peers arrive in random order at torrents whose sizes follow Zipf's law, then announce once more, then expire.
//! Memory is what the process has resident, swarms in their hash tables as in the tracker; time is that of the
//! processor for this thread, as the longest of a million steps would else be an interruption.

#![expect(clippy::expect_used, reason = "a measurement that cannot be made fails")]

use std::time::Duration;

use bt::announce::Event;
use bt::swarm::{Announcement, PeerBuffer, Rules, Swarm};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rustix::time::{ClockId, clock_gettime};

/// Parts of the table of swarms, each with a lock in the tracker.
const SHARDS: usize = 256;

/// Peers looked at in one step of expiry.
const STEPS: usize = 1024;

type Shard = HashMap<[u8; 20], Swarm, RandomState>;

struct World {
    shards: Vec<Shard>,
    /// Summed sizes of the torrents, to draw from.
    sums: Vec<f64>,
    rng: fastrand::Rng,
    peers: PeerBuffer,
}

/// How long the steps of one kind took.
#[derive(Default)]
struct Times {
    number: u32,
    sum: Duration,
    longest: Duration,
}

impl Times {
    fn measure<T>(&mut self, step: impl FnOnce() -> T) -> T {
        let before = processor_time();
        let result = step();
        let time = processor_time().saturating_sub(before);
        self.number += 1;
        self.sum += time;
        self.longest = self.longest.max(time);
        result
    }

    fn print(&self, what: &str) {
        let mean = self.sum / self.number.max(1);
        println!("{what}: {} steps, mean {mean:?}, longest {:?}", self.number, self.longest);
    }
}

impl World {
    fn new(torrents: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=torrents).map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        });
        Self {
            sums: sums.collect(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            rng: fastrand::Rng::with_seed(1),
            peers: PeerBuffer::default(),
        }
    }

    /// The announce of peer `number`: three of four are seeders, members are in 20 torrents each.
    fn announce(&mut self, number: u32, population: u32, now: u32, times: &mut Times) {
        let mut dice = fastrand::Rng::with_seed(number.into());
        let point = dice.f64() * self.sums.last().copied().unwrap_or_default();
        let torrent = self.sums.partition_point(|sum| *sum < point);
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
        let shard = &mut self.shards[usize::from(info_hash[0]) % SHARDS];
        let Self { rng, peers, .. } = self;
        times.measure(|| {
            let swarm = shard.entry(info_hash).or_default();
            swarm.announce(&announcement, &Rules::default(), now, rng, |_| 1, peers)
        });
    }

    fn number(&self) -> usize {
        self.shards.iter().flat_map(HashMap::values).map(Swarm::len).sum()
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |at: usize, default: f64| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the user means small numbers"
    )]
    let (peers, torrents) = (argument(0, 1e6) as u32, argument(1, 1e4) as u32);
    let mut world = World::new(torrents, argument(2, 0.8));
    let before = resident();
    let mut joins = Times::default();
    for number in 0..peers {
        world.announce(number, peers, 0, &mut joins);
    }
    let here = world.number();
    #[expect(clippy::cast_precision_loss, reason = "for print")]
    let each = (resident() - before) as f64 / here as f64;
    println!("{here} peers, {each:.1} bytes each; a swarm itself {}", size_of::<Swarm>());
    joins.print("join");
    let mut again = Times::default();
    for _ in 0..peers {
        let number = world.rng.u32(..peers);
        world.announce(number, peers, 1, &mut again);
    }
    again.print("announce");
    let mut sweeps = Times::default();
    for swarm in world.shards.iter_mut().flat_map(HashMap::values_mut) {
        while !swarm.is_empty() {
            sweeps.measure(|| swarm.expire(100, 10, STEPS));
        }
    }
    sweeps.print("expire");
    println!("{} MiB resident after all have expired", (resident() - before) >> 20);
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("a process");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number") * rustix::param::page_size()
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
