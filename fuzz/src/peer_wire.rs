//! A peer's side of a connection: it is read the same in any fragments, keeps no more than came, and gives `info` only
//! with the right digest. Messages that are read can be written and read again.

use bt::InfoHash;
use bt::metainfo::{Hashes, Kind};
use bt::peer_wire::{
    ExtensionHandshake, Failure, Fetch, HANDSHAKE_LEN, Handshake, Limits, METADATA_BLOCK, MetadataMessage,
    UT_METADATA,
};
use fastrand::Rng;

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "\u{13}BitTorrent protocol",
    "\0\0\0\0",
    "\0\0\0\u{1}\u{1}",
    "\0\0\0\u{2}\u{14}\u{1}",
    "\0\0\0\u{1a}\u{14}\0d1:md11:ut_metadatai1eee",
    "\0\0\0\u{1b}\u{14}\u{1}d8:msg_typei2e5:piecei0ee",
    "d8:msg_typei1e5:piecei0ee",
    "11:ut_metadatai0e",
    "13:metadata_sizei20000e",
    "10:total_sizei20000e",
    "5:piecei1e",
];

const PEER_ID: [u8; 20] = *b"-FW0100-abcdefghijkl";

/// Small enough that inputs reach them.
const LIMITS: Limits = Limits { info: 40_000, other: 2_000 };

/// Beside the peer's bytes: our handshakes, a window of requests, and the least capacity of vectors.
const OVERHEAD: usize = 8 * 1024;

/// The `info` that is asked for: two blocks.
fn info() -> Vec<u8> {
    [&b"d4:name19986:"[..], &vec![b'n'; 19_986], b"e"].concat()
}

fn hash() -> InfoHash {
    Hashes::of(&info(), Kind::V1).canonical()
}

/// Checks `data` as all that a peer sends, and as the payload of one message.
pub fn check(data: &[u8]) {
    let hash = hash();
    let ((whole, output), held) = memory::peak(|| feed(hash, data, |_| data.len()));
    // The check of a dictionary takes up to eight times its length.
    let most = data.len().min(LIMITS.info + LIMITS.other) * 8 + OVERHEAD;
    assert!(held <= most, "{held} bytes held");
    assert!(output.starts_with(&Handshake::new(hash, PEER_ID).encode()));
    if data.len() < HANDSHAKE_LEN {
        assert_eq!(output.len(), HANDSHAKE_LEN, "nothing is sent before the peer's handshake");
    }
    if let Ok(Some(fetched)) = &whole {
        assert_eq!(*fetched, info());
    }
    let mut rng = Rng::with_seed(data.len() as u64);
    let most = if data.len() < 2_000 { 3 } else { 3_000 };
    assert!((whole, output) == feed(hash, data, |_| rng.usize(1..=most)), "fragments change the result");
    check_payload(data);
}

/// What a fetch says in the end, and all that it sends, if the peer's bytes come in fragments of such sizes.
fn feed(
    hash: InfoHash,
    mut data: &[u8],
    mut size: impl FnMut(&[u8]) -> usize,
) -> (Result<Option<Vec<u8>>, Failure>, Vec<u8>) {
    let mut fetch = Fetch::new(hash, PEER_ID, LIMITS);
    let mut output = Vec::new();
    let mut result = Ok(None);
    while matches!(result, Ok(None)) && !data.is_empty() {
        let (fragment, rest) = data.split_at(size(data).min(data.len()));
        result = fetch.input(fragment);
        output.extend_from_slice(fetch.output());
        fetch.sent(fetch.output().len());
        data = rest;
    }
    output.extend_from_slice(fetch.output());
    let after = fetch.input(b"later");
    match &result {
        Err(failure) => assert!(after == Err(*failure) && fetch.missing() == *failure),
        Ok(Some(_)) => assert!(matches!(after, Ok(None))),
        Ok(None) => {}
    }
    (result, output)
}

/// Checks `payload` as a dictionary of either extension.
fn check_payload(payload: &[u8]) {
    let mut written = Vec::new();
    if let Some(handshake) = ExtensionHandshake::parse(payload) {
        handshake.write(&mut written);
        assert_eq!(ExtensionHandshake::parse(&written[6..]), Some(handshake));
    }
    if let Some(message) = MetadataMessage::parse(payload) {
        written.clear();
        message.write(UT_METADATA, &mut written);
        let again = written.get(6..).and_then(MetadataMessage::parse).unwrap_or(MetadataMessage::Unknown);
        assert_eq!(again, message);
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let info = info();
    let size = Some(info.len() as u64);
    let handshake = Handshake::new(hash(), *b"-LT2100-mnopqrstuvwx").encode().to_vec();
    let extension = |ut_metadata, metadata_size| {
        let mut out = Vec::new();
        ExtensionHandshake { ut_metadata, metadata_size }.write(&mut out);
        out
    };
    let message = |message: MetadataMessage<'_>| {
        let mut out = Vec::new();
        message.write(UT_METADATA, &mut out);
        out
    };
    let (first, second) = info.split_at(METADATA_BLOCK);
    let block = |piece, block| message(MetadataMessage::Data { piece, total_size: size, block });
    let (first, second) = (block(0, first), block(1, second));
    let greeting = [&handshake[..], &extension(Some(2), size)].concat();
    let others = b"\0\0\0\0\0\0\0\x05\x05\xff\xff\xff\xff\0\0\0\x01\x0e\0\0\0\x03\x09\x1a\xe1\0\0\0\x01\x01";
    vec![
        [&greeting[..], &first, &second].concat(),
        [&handshake[..], others, &extension(Some(2), None), &extension(None, size), &second, others, &first]
            .concat(),
        [&greeting[..], &message(MetadataMessage::Reject { piece: 0 })].concat(),
        [&greeting[..], &message(MetadataMessage::Request { piece: 0 }), &first, &first].concat(),
        [&handshake[..], &extension(Some(0), Some(1 << 30))].concat(),
        [&handshake[..], &extension(Some(2), Some(40_000)), &first, &first].concat(),
        greeting,
        handshake,
        extension(Some(2), size)[6..].to_vec(),
        first[6..60].to_vec(),
    ]
}
