//! Reading and writing the datagrams that a crawler of the DHT exchanges most.

#![expect(clippy::expect_used, reason = "what is measured here succeeds")]

use std::hint::black_box;

use bt::dht::message::{Body, Message, Method, NODE_V4_LEN, Query, Reply, Values};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ID: [u8; 20] = *b"abcdefghij0123456789";
const TARGET: [u8; 20] = *b"mnopqrstuvwxyz123456";
const NODES: [[u8; NODE_V4_LEN]; 8] = [[7; NODE_V4_LEN]; 8];

/// A query for samples, a full answer to one, a query for peers, and an answer with 50 of them.
fn messages() -> [(&'static str, Message<'static>); 4] {
    let query = |method| Message::new(b"aaaa", Body::Query(Query { id: ID.into(), method }));
    let reply = |reply| Message::new(b"aaaa", Body::Reply(reply));
    let get_peers = Method::GetPeers { info_hash: TARGET.into(), no_seeds: false, scrape: false, want: None };
    let samples = Reply {
        nodes: Some(&NODES),
        samples: Some(&[TARGET; 20]),
        num: Some(2000),
        interval: Some(21_600),
        ..Reply::new(ID.into())
    };
    let peers = Reply {
        nodes: Some(&NODES),
        token: Some(b"abcd"),
        values: Some(Values::v4(&[[9; 6]; 50])),
        ..Reply::new(ID.into())
    };
    [
        ("sample_infohashes", query(Method::SampleInfohashes { target: TARGET.into(), want: None })),
        ("samples", reply(samples)),
        ("get_peers", query(get_peers)),
        ("values", reply(peers)),
    ]
}

fn krpc(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("krpc");
    group.throughput(Throughput::Elements(1));
    for (name, message) in messages() {
        let mut out = Vec::with_capacity(2048);
        message.write(&mut out).expect("it is short enough");
        let wire = out.clone();
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| Message::read(black_box(&wire)).is_ok());
        });
        group.bench_function(format!("write/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                black_box(&message).write(&mut out)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, krpc);
criterion_main!(benches);
