//! The three steps of an announce: parse, decide, encode.

use std::hint::black_box;

use bt::announce::{Event, PeerList, Request, Response};
use bt::swarm::{Announcement, PeerBuffer, Rules, Swarm};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

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

/// 1,000,000 peers in 10,000 swarms, sizes by Zipf's law with exponent 0.8.
fn decide_in_many(c: &mut Criterion) {
    let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
    let weights: Vec<f64> = (1..=10_000).map(|rank| f64::from(rank).powf(-0.8)).collect();
    let total: f64 = weights.iter().sum();
    let mut swarms = Vec::new();
    let mut everybody = Vec::new();
    for (rank, weight) in weights.iter().enumerate() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a million")]
        let size = (weight / total * 1e6) as u32;
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

fn encode(c: &mut Criterion) {
    let (mut rng, mut buffer) = (fastrand::Rng::with_seed(1), PeerBuffer::default());
    let mut swarm = populate(1000, &mut rng, &mut buffer);
    let counts = swarm.announce(&peer(7), &RULES, 1, &mut rng, |_| 0, &mut buffer).after;
    for (name, list) in
        [("encode/compact", PeerList::Compact), ("encode/dictionaries", PeerList::Dictionaries)]
    {
        let response = Response {
            complete: counts.seeders,
            downloaded: counts.snatched,
            external_ip: Some([10, 0, 0, 1].into()),
            incomplete: counts.leechers,
            interval: 1800,
            min_interval: 60,
            peers: &buffer,
            list,
            warning: None,
        };
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

criterion_group!(benches, parse, decide_in_one, decide_in_many, encode);
criterion_main!(benches);
