//! Reading an upload of 100,000 files, and what a download costs.

#![expect(clippy::expect_used, reason = "a bench may end in a panic")]

use std::hint::black_box;

use bt::bencode::{Limits, check};
use bt::metainfo::{Metainfo, with_private, write};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const FILES: usize = 100_000;
const FILE_SIZE: usize = 50_000;
const PIECE_LENGTH: usize = 1 << 20;

/// Version 1 metainfo of a folder with 1,000 folders of files.
fn large_torrent() -> Vec<u8> {
    let mut torrent = b"d4:infod5:filesl".to_vec();
    for file in 0..FILES {
        let (folder, name) = (format!("season {:04}", file / 100), format!("episode {file:06}.mkv"));
        let entry = format!("d6:lengthi{FILE_SIZE}e4:pathl{}:{folder}{}:{name}ee", folder.len(), name.len());
        torrent.extend_from_slice(entry.as_bytes());
    }
    let pieces = (FILES * FILE_SIZE).div_ceil(PIECE_LENGTH) * 20;
    let rest = format!("e4:name5:shows12:piece lengthi{PIECE_LENGTH}e6:pieces{pieces}:");
    torrent.extend_from_slice(rest.as_bytes());
    torrent.resize(torrent.len() + pieces, b'h');
    torrent.extend_from_slice(b"ee");
    torrent
}

fn metainfo(criterion: &mut Criterion) {
    let limits = Limits::default();
    let torrent = large_torrent();
    let parsed = Metainfo::parse(&torrent, &limits).expect("the torrent is sound");
    let mut group = criterion.benchmark_group("metainfo");
    group.throughput(Throughput::Bytes(torrent.len() as u64)).sample_size(20);
    group.bench_function("check", |bencher| bencher.iter(|| check(black_box(&torrent), &limits)));
    group.bench_function("parse", |bencher| bencher.iter(|| Metainfo::parse(black_box(&torrent), &limits)));
    group.bench_function("rewrite", |bencher| {
        bencher
            .iter(|| write(&with_private(black_box(parsed.info)), None, "http://localhost/announce", "page"));
    });
    group.finish();
}

criterion_group!(benches, metainfo);
criterion_main!(benches);
