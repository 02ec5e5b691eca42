//! The three steps of an announce, parse, decide and encode, by themselves and together.

#![expect(clippy::expect_used, reason = "what is measured here succeeds")]

use std::hint::black_box;
use std::time::Duration;

use bt::InfoHash;
use bt::announce::{Event, NumWant, PeerList, Request, Response};
use bt::announce_key::{self, Binding, Nonce};
use bt::swarm::{Announcement, Counts, IdentityKey, PeerBuffer, Rules, Swarm};
use bt::token::Token;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Throughput, criterion_group, criterion_main};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rustix::time::{ClockId, clock_gettime};

type Criterion = criterion::Criterion<ProcessorTime>;

/// The time of the processor for this thread: what else the machine does is not measured.
struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

const QUERY: &[u8] = b"info_hash=%12%34Vx%9a%bc%de%f1%23Eg%89%ab%cd%ef%124Vx%9a&peer_id=-qB5050-abcdefghijkl\
    &port=6881&uploaded=123456789&downloaded=987654321&left=5000&corrupt=0&key=1A2B3C4D&event=started&numwant=50\
    &compact=1&no_peer_id=1&supportcrypto=1&redundant=0";

const RULES: Rules = Rules { peers_per_member: 10, bytes_per_second: 1_250_000_000 };

/// Peer `number` of a swarm; every third one is a seeder.
fn peer(number: u32) -> Announcement {
    let [_, b, c, d] = number.to_be_bytes();
    Announcement {
        member: number / 2,
        identity: number,
        client: *b"-qB5050-",
        endpoint: ([10, b, c, d], 6881).into(),
        uploaded: 0,
        downloaded: 0,
        left: Some(u64::from(number % 3)),
        event: Event::None,
        numwant: 50,
    }
}

fn populate(peers: u32, rng: &mut fastrand::Rng, buffer: &mut PeerBuffer) -> Swarm {
    let mut swarm = Swarm::new(0);
    for number in 0..peers {
        swarm.announce(&Announcement { numwant: 0, ..peer(number) }, &RULES, 0, rng, |_| 0, buffer);
    }
    swarm
}

/// 1,000,000 peers in 10,000 swarms, sizes by Zipf's law with exponent 0.8.
fn sizes() -> impl Iterator<Item = u32> {
    let weights = (1..=10_000).map(|rank| f64::from(rank).powf(-0.8));
    let total: f64 = weights.clone().sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a million")]
    weights.map(move |weight| (weight / total * 1e6) as u32)
}

fn parse(c: &mut Criterion) {
    c.bench_function("parse", |b| b.iter(|| Request::parse(black_box(QUERY))));
}

fn decide_in_one(c: &mut Criterion) {
    let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
    let mut swarm = populate(100_000, &mut rng, &mut buffer);
    c.bench_function("decide/one swarm of 100,000", |b| {
        b.iter(|| {
            let announcement = peer(rng.u32(..100_000));
            swarm.announce(&announcement, &RULES, 1, &mut rng, |_| 0, &mut buffer)
        });
    });
    c.bench_function("decide/join and leave among 100,000", |b| {
        b.iter(|| {
            let joining = peer(100_000 + rng.u32(..1000));
            swarm.announce(&joining, &RULES, 1, &mut rng, |_| 0, &mut buffer);
            let leaving = Announcement { event: Event::Stopped, ..joining };
            swarm.announce(&leaving, &RULES, 1, &mut rng, |_| 0, &mut buffer)
        });
    });
}

fn decide_in_many(c: &mut Criterion) {
    let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
    let mut swarms = Vec::new();
    let mut everybody = Vec::new();
    for (rank, size) in sizes().enumerate() {
        swarms.push(populate(size, &mut rng, &mut buffer));
        everybody.extend((0..size).map(|number| (rank, number)));
    }
    c.bench_function("decide/1,000,000 peers in 10,000 swarms", |b| {
        b.iter(|| {
            let (swarm, number) = everybody[rng.usize(..everybody.len())];
            swarms[swarm].announce(&peer(number), &RULES, 1, &mut rng, |_| 0, &mut buffer)
        });
    });
    c.bench_function("decide/populate 1,000", |b| {
        b.iter_batched(
            || fastrand::Rng::with_seed(1),
            |mut rng| populate(1000, &mut rng, &mut buffer),
            BatchSize::SmallInput,
        );
    });
}

fn response(counts: Counts, list: PeerList, peers: &PeerBuffer) -> Response<'_> {
    Response {
        complete: counts.seeders,
        downloaded: counts.snatched,
        external_ip: Some([10, 0, 0, 1].into()),
        incomplete: counts.leechers,
        interval: 1800,
        min_interval: 60,
        peers,
        list,
        warning: None,
    }
}

fn encode(c: &mut Criterion) {
    let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
    let mut swarm = populate(1000, &mut rng, &mut buffer);
    let counts = swarm.announce(&peer(7), &RULES, 1, &mut rng, |_| 0, &mut buffer).after;
    for (name, list) in
        [("encode/compact", PeerList::Compact), ("encode/dictionaries", PeerList::Dictionaries)]
    {
        let response = response(counts, list, &buffer);
        let mut out = Vec::new();
        c.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                black_box(&response).encode(&mut out);
                black_box(&out);
            });
        });
    }
}

/// The check of a key, whose account has a nonce or is from before there were such.
fn verify(c: &mut Criterion) {
    let (secret, torrent) = ([7; 32], InfoHash::from([9; 20]));
    let mut group = c.benchmark_group("key");
    group.throughput(Throughput::Elements(1));
    for (name, nonce) in [("without a nonce", Nonce::EMPTY), ("with a nonce", [5; 16].into())] {
        let binding = Binding { version: 1, nonce };
        let token = announce_key::mint(&secret, 1, &binding, Some(torrent));
        let text = token.to_string();
        group.bench_function(name, |b| {
            b.iter(|| {
                let token = Token::parse(black_box(text.as_bytes())).expect("a key");
                announce_key::verify(&token, &secret, black_box(&binding), Some(torrent))
            });
        });
    }
    group.finish();
}

/// Queries of random peers of a million, answered with the answer's bytes.
fn all_three(c: &mut Criterion) {
    let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
    let key = IdentityKey::new(&[7; 32]);
    let mut swarms = HashMap::<InfoHash, Swarm, RandomState>::default();
    let mut everybody = Vec::new();
    for size in sizes() {
        let mut info_hash = [0; 20];
        rng.fill(&mut info_hash);
        everybody.extend((0..size).map(|number| (info_hash, number)));
    }
    rng.shuffle(&mut everybody);
    let request = |&(info_hash, number): &([u8; 20], u32)| {
        let mut peer_id = *b"-qB5050-abcdefgh....";
        peer_id[16..].copy_from_slice(&(number | 1 << 31).to_be_bytes());
        Request { info_hash: info_hash.into(), peer_id, ..Request::parse(QUERY).expect("a request") }
    };
    let mut announce = |request: &Request, number: u32, now: u32, out: &mut Vec<u8>| {
        let [_, b, c, d] = number.to_be_bytes();
        let ip = [10, b, c, d].into();
        let limits = NumWant::default();
        let announcement = request.announcement(number / 2, &key, ip, limits);
        let swarm = swarms.entry(request.info_hash).or_default();
        let outcome = swarm.announce(&announcement, &RULES, now, &mut rng, |_| 0, &mut buffer);
        out.clear();
        response(outcome.after, PeerList::Compact, &buffer).encode(out);
    };
    let mut out = Vec::new();
    for one in &everybody {
        announce(&request(one), one.1, 0, &mut out);
    }
    everybody.truncate(1 << 18);
    let queries: Vec<(u32, String)> = everybody
        .iter()
        .map(|one| {
            let mut query = String::new();
            request(one).write_query(&mut query);
            query.push_str("&corrupt=0&supportcrypto=1&redundant=0");
            (one.1, query)
        })
        .collect();
    let mut next = queries.iter().cycle();
    let mut group = c.benchmark_group("all");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse, decide and encode, 1,000,000 peers in 10,000 swarms", |b| {
        b.iter(|| {
            let (number, query) = next.next().expect("a cycle");
            let request = Request::parse(black_box(query.as_bytes())).expect("a request");
            announce(&request, *number, 1, &mut out);
            black_box(&out);
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion::Criterion::default().with_measurement(ProcessorTime);
    targets = parse, decide_in_one, decide_in_many, encode, verify, all_three
}
criterion_main!(benches);
