//! The query of a scrape: a parsed query can be written, parses again to an equal one, and never has too many hashes.

use bt::scrape::{MAX_HASHES, Request};
use percent_encoding::percent_decode;

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &["info_hash=", "&info_hash=%00", "abcdefghijklmnopqrst", "%fF", "passkey="];

/// Checks `data` as a query.
pub fn check(data: &[u8]) {
    let (request, held) = memory::peak(|| Request::parse(data));
    // A growing list is in memory twice for a moment, and the new one has twice the capacity.
    assert!(held <= MAX_HASHES * 20 * 3, "{held} bytes held");
    let Ok(request) = request else { return };
    assert!((1..=MAX_HASHES).contains(&request.hashes.len()));
    assert!(request.hashes.len() * "info_hash=".len() < data.len());
    let values = data.split(|byte| *byte == b'&').filter_map(|pair| pair.strip_prefix(b"info_hash="));
    let values =
        values.filter(|value| !value.is_empty()).map(|value| percent_decode(value).collect::<Vec<u8>>());
    assert!(values.eq(request.hashes.iter().map(|hash| hash.as_bytes().to_vec())));
    let mut query = String::new();
    request.write_query(&mut query);
    assert_eq!(Request::parse(query.as_bytes()).as_ref(), Ok(&request), "{query}");
    for odd in ["&", "&info_hash", "&info_hash=", "&unknown=1"] {
        let longer = [data, odd.as_bytes()].concat();
        assert_eq!(Request::parse(&longer).as_ref(), Ok(&request), "{odd}");
    }
    let twice = Request::parse(&[data, b"&", query.as_bytes()].concat());
    match twice {
        Ok(twice) => assert_eq!(twice.hashes, request.hashes.repeat(2)),
        Err(_) => assert!(request.hashes.len() * 2 > MAX_HASHES),
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let write = |count| {
        let hashes = (0_u8..count).map(|number| [number.wrapping_mul(37); 20].into()).collect();
        let mut query = String::new();
        Request { hashes }.write_query(&mut query);
        query.into_bytes()
    };
    let mut seeds: Vec<_> = [1, 2, 37, 74, 75].map(write).into();
    seeds.push(b"passkey=abc&info_hash=ABCDEFGHIJKLMNOPQRST&info_hash=%61bcdefghijklmnopqrst".to_vec());
    seeds
}
