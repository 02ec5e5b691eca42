//! A simulated peer answers a fetch, or attacks it.

use std::fs;
use std::path::Path;

use fastrand::Rng;

use super::*;
use crate::bencode;
use crate::metainfo::{Info, Metainfo};
use crate::peer_wire::{METADATA_BLOCK, TooLong};

const PEER_ID: PeerId = *b"-FW0100-abcdefghijkl";
const THEIR_NUMBER: u8 = 3;

/// An `info` of `size` bytes: one string, which is enough for a fetch.
fn info(size: usize) -> Vec<u8> {
    let text: Vec<u8> = (0..size).map(|at| (at / 7 % 251).to_le_bytes()[0]).collect();
    let digits = (size - 8).to_string();
    let mut info = [&b"d1:a"[..], digits.as_bytes(), b":", &text].concat();
    info.truncate(size - 1);
    info.push(b'e');
    info
}

fn hash(info: &[u8]) -> InfoHash {
    Hashes::of(info, Kind::V1).canonical()
}

fn fetch(hash: InfoHash) -> Fetch {
    Fetch::new(hash, PEER_ID, Limits::default())
}

/// Takes all output.
fn drain(fetch: &mut Fetch) -> Vec<u8> {
    let output = fetch.output().to_vec();
    fetch.sent(output.len());
    output
}

fn handshake(hash: InfoHash) -> Vec<u8> {
    Handshake::new(hash, *b"-LT2100-mnopqrstuvwx").encode().to_vec()
}

fn extension(ut_metadata: Option<u8>, metadata_size: Option<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    ExtensionHandshake { ut_metadata, metadata_size }.write(&mut out);
    out
}

fn data(piece: u32, block: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    MetadataMessage::Data { piece, total_size: None, block }.write(UT_METADATA, &mut out);
    out
}

fn block(info: &[u8], piece: u32) -> &[u8] {
    let start = piece as usize * METADATA_BLOCK;
    &info[start..info.len().min(start + METADATA_BLOCK)]
}

/// What a peer sends before any block.
fn greeting(info: &[u8]) -> Vec<u8> {
    [handshake(hash(info)), extension(Some(THEIR_NUMBER), Some(info.len() as u64))].concat()
}

/// The pieces that `sent` asks for.
fn requests(sent: &[u8]) -> Vec<u32> {
    let mut rest = sent;
    let mut pieces = Vec::new();
    while let Some((length, later)) = rest.split_first_chunk() {
        let (message, later) = later.split_at(u32::from_be_bytes(*length) as usize);
        if message.starts_with(&[20, THEIR_NUMBER]) {
            let Some(MetadataMessage::Request { piece }) = MetadataMessage::parse(&message[2..]) else {
                panic!("{}", message.escape_ascii())
            };
            pieces.push(piece);
        }
        rest = later;
    }
    pieces
}

/// Fetches `info` under `hash` from a peer that answers with another hash perhaps, other messages between, in random
/// order and random fragments.
fn simulate(
    info: &[u8],
    hash: InfoHash,
    answered: InfoHash,
    rng: &mut Rng,
) -> Result<Option<Vec<u8>>, Failure> {
    let mut fetch = fetch(hash);
    assert_eq!(drain(&mut fetch), Handshake::new(hash, PEER_ID).encode());
    let noise = [&[0; 4][..], &[0, 0, 0, 1, 14], &[0, 0, 0, 3, 9, 0x1a, 0xe1], &[0, 0, 0, 1, 1]];
    let mut theirs = handshake(answered);
    if rng.bool() {
        theirs.extend(extension(Some(THEIR_NUMBER), None));
    }
    theirs.extend(noise.concat());
    theirs.extend(extension(Some(THEIR_NUMBER), Some(info.len() as u64)));
    let mut waiting: Vec<u32> = Vec::new();
    loop {
        while !theirs.is_empty() {
            let most = if rng.bool() { 30 } else { 40_000 };
            let count = rng.usize(1..=most).min(theirs.len());
            let fragment: Vec<u8> = theirs.drain(..count).collect();
            if let Some(info) = fetch.input(&fragment)? {
                return Ok(Some(info));
            }
            let sent = drain(&mut fetch);
            waiting.extend(requests(&sent));
        }
        assert!(waiting.len() <= WINDOW);
        if waiting.is_empty() {
            return Ok(None);
        }
        let piece = waiting.swap_remove(rng.usize(..waiting.len()));
        theirs.extend(noise[rng.usize(..noise.len())]);
        theirs.extend(data(piece, block(info, piece)));
    }
}

#[test]
fn nothing_follows_the_handshake_before_the_peers_68_bytes() {
    let info = info(20_000);
    let mut fetch = fetch(hash(&info));
    assert_eq!(drain(&mut fetch).len(), HANDSHAKE_LEN);
    let greeting = greeting(&info);
    for byte in &greeting[..67] {
        assert_eq!(fetch.input(&[*byte]), Ok(None));
        assert_eq!(fetch.output(), b"");
    }
    assert_eq!(fetch.input(&greeting[67..68]), Ok(None));
    assert_eq!(drain(&mut fetch), b"\0\0\0\x1a\x14\0d1:md11:ut_metadatai1eee");
    assert_eq!(fetch.input(&greeting[68..]), Ok(None));
    let requests = b"\0\0\0\x1b\x14\x03d8:msg_typei0e5:piecei0ee\0\0\0\x1b\x14\x03d8:msg_typei0e5:piecei1ee";
    fetch.sent(0);
    assert_eq!(fetch.output(), requests);
    fetch.sent(31);
    assert_eq!(drain(&mut fetch), requests[31..]);
    assert_eq!(fetch.input(&data(0, block(&info, 0))), Ok(None));
    assert_eq!(fetch.input(&data(1, block(&info, 1))), Ok(Some(info)));
    assert_eq!(fetch.input(b"more"), Ok(None));
    assert_eq!(fetch.output(), b"");
}

#[test]
fn infos_of_any_size_come_in_any_order_and_fragments() {
    let mut rng = Rng::with_seed(1);
    for size in [20, 16_383, 16_384, 16_385, 31_235, 32_768, 700_000, 2_000_000] {
        let info = info(size);
        let hash = hash(&info);
        let fetched = simulate(&info, hash, hash, &mut rng);
        assert!(fetched == Ok(Some(info)), "{size}");
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    let info = info(17_000);
    let stream = [greeting(&info), data(0, block(&info, 0)), data(1, block(&info, 1))].concat();
    let mut fetch = fetch(hash(&info));
    let (last, before) = stream.split_last().expect("it is long");
    for byte in before {
        assert_eq!(fetch.input(&[*byte]), Ok(None));
    }
    assert_eq!(fetch.input(&[*last]), Ok(Some(info)));
}

#[test]
fn torrents_of_the_corpus_have_the_same_hashes_through_a_peer() {
    let mut rng = Rng::with_seed(2);
    let mut kinds = Vec::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora/libtorrent");
    for folder in ["mutable", "valid_and_malicious"] {
        for file in fs::read_dir(corpus.join(folder)).expect("the corpus is there") {
            let path = file.expect("it is listed").path();
            let bytes = fs::read(&path).expect("it is read");
            let Ok(torrent) = Metainfo::parse(&bytes, &bencode::Limits::default()) else { continue };
            let hashes = [torrent.hashes.v1, torrent.hashes.v2.map(|v2| v2.truncated())];
            // Asked for by either hash, a peer may answer with the other.
            for hash in hashes.into_iter().flatten() {
                let answered = rng.choice(hashes).flatten().unwrap_or(hash);
                let info = simulate(torrent.info, hash, answered, &mut rng);
                let info = info.expect("the peer is honest").expect("all of it");
                let read = Info::parse(&info, &bencode::Limits::default()).expect("it was read before");
                let name = path.display();
                assert_eq!(
                    (read.raw, read.hashes, read.kind),
                    (torrent.info, torrent.hashes, torrent.kind),
                    "{name}"
                );
                assert_eq!(
                    (&read.name, &read.files, read.size),
                    (&torrent.name, &torrent.files, torrent.size),
                    "{name}"
                );
                assert_eq!(
                    (read.piece_length, read.private),
                    (torrent.piece_length, torrent.private),
                    "{name}"
                );
            }
            kinds.push(torrent.kind);
        }
    }
    assert!(kinds.len() > 50 && [Kind::V1, Kind::V2, Kind::Hybrid].iter().all(|kind| kinds.contains(kind)));
}

#[test]
fn what_is_missing_is_said() {
    let info = info(20_000);
    let mut fetch = fetch(hash(&info));
    let mut after = |bytes: &[u8]| {
        assert_eq!(fetch.input(bytes), Ok(None));
        fetch.missing()
    };
    assert_eq!(after(b""), Failure::Refused);
    assert_eq!(after(&handshake(hash(&info))), Failure::NoExtensionHandshake);
    assert_eq!(after(&extension(None, None)), Failure::NoMetadata);
    assert_eq!(after(&extension(Some(0), Some(20_000))), Failure::BrokenOff);
    assert_eq!(after(&extension(Some(THEIR_NUMBER), Some(20_000))), Failure::BrokenOff);
    assert_eq!(
        fetch.input(b"\xff\xff\xff\xff"),
        Err(Failure::TooLong(TooLong { length: u32::MAX as usize }))
    );
    assert_eq!(fetch.missing(), Failure::TooLong(TooLong { length: u32::MAX as usize }));
    assert_eq!(fetch.input(b""), Err(fetch.missing()));
}

#[test]
fn a_handshake_of_another_protocol_ends_at_its_first_wrong_byte() {
    let mut fetch = fetch([1; 20].into());
    assert_eq!(fetch.input(b"\x13Bit"), Ok(None));
    assert_eq!(fetch.input(b"t"), Err(Failure::OtherProtocol));
    assert_eq!(self::fetch([1; 20].into()).input(b"HTTP/1.1 400"), Err(Failure::OtherProtocol));
    let mut without = handshake([1; 20].into());
    without[25] = 0;
    assert_eq!(self::fetch([1; 20].into()).input(&without), Err(Failure::NoExtensions));
}

/// What a fetch of an `info` of 40,000 bytes says to these bytes after the handshakes.
fn after_greeting(bytes: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let info = info(40_000);
    let mut fetch = fetch(hash(&info));
    assert_eq!(fetch.input(&greeting(&info)), Ok(None));
    assert_eq!(requests(&drain(&mut fetch)[HANDSHAKE_LEN..]), [0, 1, 2]);
    fetch.input(bytes)
}

#[test]
fn blocks_are_as_long_as_due_asked_for_and_come_once() {
    let info = info(40_000);
    let whole = data(0, block(&info, 0));
    let length = |found, due| Err(Failure::BlockLength { found, due });
    assert_eq!(after_greeting(&data(0, &info[..16_383])), length(16_383, 16_384));
    assert_eq!(after_greeting(&data(0, &info[..16_385])), length(16_385, 16_384));
    assert_eq!(after_greeting(&data(1, b"")), length(0, 16_384));
    assert_eq!(after_greeting(&data(2, &info[..16_384])), length(16_384, 40_000 - 32_768));
    assert_eq!(after_greeting(&data(3, b"")), Err(Failure::Unasked));
    assert_eq!(after_greeting(&data(u32::MAX, &info[..16_384])), Err(Failure::Unasked));
    assert_eq!(after_greeting(&[&whole[..], &whole].concat()), Err(Failure::Repeated));
    let second = data(1, block(&info, 1));
    assert_eq!(after_greeting(&[&second[..], &second].concat()), Err(Failure::Repeated));
    let unasked = [handshake(hash(&info)), extension(Some(1), None), whole].concat();
    assert_eq!(fetch(hash(&info)).input(&unasked), Err(Failure::Unasked));
}

#[test]
fn rejections_and_broken_messages_end_the_fetch() {
    let mut reject = Vec::new();
    MetadataMessage::Reject { piece: 1 }.write(UT_METADATA, &mut reject);
    assert_eq!(after_greeting(&reject), Err(Failure::Rejected));
    for broken in
        [&b"\0\0\0\x04\x14\x01de"[..], b"\0\0\0\x02\x14\x01", b"\0\0\0\x02\x14\0", b"\0\0\0\x04\x14\0le"]
    {
        assert_eq!(after_greeting(broken), Err(Failure::Malformed), "{}", broken.escape_ascii());
    }
    assert_eq!(after_greeting(&extension(None, Some(40_001))), Err(Failure::OtherSize));
    let ignored: [&[u8]; 2] =
        [b"\0\0\0\x11\x14\x01d8:msg_typei7ee", b"\0\0\0\x1b\x14\x01d8:msg_typei0e5:piecei0ee"];
    assert_eq!(after_greeting(&ignored.concat()), Ok(None));
}

#[test]
fn a_wrong_digest_is_refused() {
    let info = info(40_000);
    let mut other = info.clone();
    other[20_000] ^= 1;
    let blocks: Vec<u8> = (0..3).flat_map(|piece| data(piece, block(&other, piece))).collect();
    assert_eq!(after_greeting(&blocks), Err(Failure::WrongDigest));
    let right: Vec<u8> = [2, 0, 1].into_iter().flat_map(|piece| data(piece, block(&info, piece))).collect();
    assert_eq!(after_greeting(&right), Ok(Some(info)));
}

#[test]
fn a_claimed_size_takes_no_memory() {
    let size = |size, limit| {
        let hash = [1; 20].into();
        let mut fetch = Fetch::new(hash, PEER_ID, Limits { info: limit, other: 1000 });
        let result = fetch.input(&[handshake(hash), extension(Some(2), Some(size))].concat());
        (result, fetch)
    };
    for claimed in [(8 << 20) + 1, 1 << 30, i64::MAX.unsigned_abs()] {
        let failure = Failure::TooLarge { size: claimed, limit: 8 << 20 };
        assert_eq!(size(claimed, 8 << 20).0, Err(failure));
    }
    let (result, fetch) = size(1 << 30, 1 << 30);
    assert_eq!(result, Ok(None));
    assert!(fetch.output().len() < 2000, "only a window of blocks is asked for");
    assert!(format!("{fetch:?}").len() < 20_000);
}

#[test]
fn endless_talk_ends_the_fetch() {
    let hash = [1; 20].into();
    let mut fetch = Fetch::new(hash, PEER_ID, Limits { info: 1000, other: 1000 });
    assert_eq!(fetch.input(&handshake(hash)), Ok(None));
    let keep_alives = [0; 966];
    assert_eq!(fetch.input(&keep_alives), Ok(None));
    assert_eq!(fetch.input(&keep_alives), Ok(None));
    assert_eq!(fetch.input(&[0]), Err(Failure::TooMuch));
}
