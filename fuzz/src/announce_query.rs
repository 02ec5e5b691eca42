//! The query of an announce: a parsed query can be written, parses again to an equal one, and parsing allocates
//! nothing.

use bt::announce::{Event, NumWant, Request};
use percent_encoding::percent_decode;

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "info_hash=",
    "peer_id=",
    "port=",
    "uploaded=",
    "downloaded=",
    "left=",
    "event=",
    "started",
    "stopped",
    "completed",
    "paused",
    "numwant=",
    "compact=",
    "no_peer_id=",
    "key=",
    "%00",
    "%fF",
    "18446744073709551615",
    "18446744073709551616",
    "65535",
    "65536",
    "4294967296",
];

/// Checks `data` as a query.
pub fn check(data: &[u8]) {
    let (request, held) = memory::peak(|| Request::parse(data));
    assert_eq!(held, 0, "reading takes no memory");
    let Ok(request) = request else { return };
    assert_eq!(last_value(data, b"info_hash"), request.info_hash.as_bytes());
    assert_eq!(last_value(data, b"peer_id"), request.peer_id);
    assert_ne!(request.port, 0);
    assert!(request.left.is_some() || request.event == Event::Stopped);
    for limits in [NumWant::default(), NumWant { default: 0, cap: 0 }] {
        assert!(request.wanted(limits) <= limits.cap);
    }
    let mut query = String::new();
    request.write_query(&mut query);
    assert_eq!(Request::parse(query.as_bytes()).as_ref(), Ok(&request), "{query}");
    // Ignored parameters must change nothing.
    for odd in ["&", "&left", "&left=", "&unknown=1", "&ip=203.0.113.1"] {
        let longer = [data, odd.as_bytes()].concat();
        assert_eq!(Request::parse(&longer).as_ref(), Ok(&request), "{odd}");
    }
    assert!(
        Request::parse(&[data, b"&", query.as_bytes()].concat()).is_err(),
        "a second info hash is refused"
    );
}

/// The last non-empty value of `name`, decoded by another library.
fn last_value(query: &[u8], name: &[u8]) -> Vec<u8> {
    let mut values =
        query.split(|byte| *byte == b'&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="));
    values.rfind(|value| !value.is_empty()).map(|value| percent_decode(value).collect()).unwrap_or_default()
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for event in [Event::None, Event::Started, Event::Stopped, Event::Completed, Event::Paused] {
        let request = Request {
            info_hash: [0xa5; 20].into(),
            peer_id: *b"-qB4650-abcdefghijkl",
            port: 6881,
            uploaded: 0,
            downloaded: 1 << 40,
            left: Some(u64::MAX).filter(|_| event != Event::Stopped),
            event,
            numwant: Some(200).filter(|_| event != Event::Paused),
            compact: event != Event::Completed,
        };
        let mut query = String::new();
        request.write_query(&mut query);
        seeds.push(query.into_bytes());
    }
    // As Transmission writes it: escapes in lower case, only where they are needed, and parameters of its own.
    seeds.push(
        b"info_hash=%0a%ff1234567890abcdefg~&peer_id=-TR4060-x.y_z~000000&port=51413&uploaded=1&downloaded=2\
          &left=3&numwant=80&key=7A2F&compact=1&supportcrypto=1&requirecrypto=1&ipv6=2001:db8::1"
            .to_vec(),
    );
    seeds
}
