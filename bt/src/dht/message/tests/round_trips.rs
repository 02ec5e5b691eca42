//! Random messages are written and read, and random bytes are read.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::bencode::{Limits, check_sorted};
use crate::peer::unmapped;

fn any_want() -> impl Strategy<Value = Option<Want>> {
    prop::sample::select(vec![None, Some(Want::V4), Some(Want::V6), Some(Want::Both)])
}

/// Borrowed parts of random messages.
#[derive(Debug)]
struct Parts {
    bytes: Vec<u8>,
    nodes: Vec<[u8; NODE_V4_LEN]>,
    nodes6: Vec<[u8; NODE_V6_LEN]>,
    samples: Vec<[u8; 20]>,
    v4: Vec<[u8; 6]>,
    v6: Vec<[u8; 18]>,
}

prop_compose! {
    fn any_parts()(
        bytes in vec(any::<u8>(), 0..40),
        nodes in vec(any::<[u8; NODE_V4_LEN]>(), 0..9),
        nodes6 in vec(vec(any::<u8>(), NODE_V6_LEN), 0..3),
        samples in vec(any::<[u8; 20]>(), 0..12),
        v4 in vec(any::<[u8; 6]>(), 0..20),
        v6 in vec(any::<[u8; 18]>(), 0..8),
    ) -> Parts {
        let nodes6 = nodes6.into_iter().filter_map(|node| node.try_into().ok()).collect();
        Parts { bytes, nodes, nodes6, samples, v4, v6 }
    }
}

proptest! {
    #[test]
    fn queries_come_back(
        id: [u8; 20],
        target: [u8; 20],
        want in any_want(),
        flags: [bool; 4],
        port in 1_u16..,
        kind in 0..6,
        parts in any_parts(),
        version in option::of(any::<[u8; 4]>()),
        transaction in vec(any::<u8>(), 0..=MAX_TRANSACTION_LEN),
    ) {
        let [first, second, read_only, has_target] = flags;
        let method = match kind {
            0 => Method::Ping,
            1 => Method::FindNode { target: target.into(), want },
            2 => Method::GetPeers { info_hash: target.into(), no_seeds: first, scrape: second, want },
            3 => {
                let (implied_port, seed) = (first, second);
                Method::AnnouncePeer { info_hash: target.into(), port, implied_port, seed, token: &parts.bytes }
            }
            4 => Method::SampleInfohashes { target: target.into(), want },
            _ => Method::Unknown { name: b"vote", target: has_target.then(|| target.into()), want },
        };
        let version = version.as_ref().map(|version| &version[..]);
        let body = Body::Query(Query { id: id.into(), method });
        let message = Message { version, read_only, ..Message::new(&transaction, body) };
        let wire = written(&message);
        prop_assert_eq!(check_sorted(&wire, &Limits::default()), Ok(()));
        prop_assert_eq!(Message::read(&wire), Ok(message));
    }

    #[test]
    fn replies_come_back_or_are_too_long(
        id: [u8; 20],
        has: [bool; 8],
        numbers in option::of(any::<(u32, u32, u16)>()),
        parts in any_parts(),
        asker in option::of(any::<(Ipv4Addr, u16)>()),
        asker6 in option::of(any::<(Ipv6Addr, u16)>()),
    ) {
        let values = if has[0] { Values::v4(&parts.v4) } else { Values::v6(&parts.v6) };
        let reply = Reply {
            id: id.into(),
            nodes: has[1].then_some(&parts.nodes),
            nodes6: has[2].then_some(&parts.nodes6),
            token: has[3].then_some(&parts.bytes),
            values: has[4].then_some(values),
            seeds_filter: has[5].then_some(&[1; FILTER_LEN]),
            peers_filter: has[6].then_some(&[2; FILTER_LEN]),
            samples: has[7].then_some(&parts.samples),
            num: numbers.map(|(num, ..)| num),
            interval: numbers.map(|(_, interval, _)| interval),
            port: numbers.map(|(.., port)| port),
        };
        let asker = asker.map(SocketAddr::from).or(asker6.map(SocketAddr::from)).map(unmapped);
        let message = Message { asker, ..Message::new(b"aa", Body::Reply(reply)) };
        let mut wire = Vec::new();
        if message.write(&mut wire) == Ok(()) {
            prop_assert!(wire.len() <= MAX_LEN);
            prop_assert_eq!(check_sorted(&wire, &Limits::default()), Ok(()));
            prop_assert_eq!(Message::read(&wire), Ok(message));
        } else {
            prop_assert!(wire.is_empty());
        }
    }

    #[test]
    fn errors_come_back(code: u32, text in vec(any::<u8>(), 0..900)) {
        let message = error(code, &text);
        let wire = written(&message);
        prop_assert_eq!(Message::read(&wire), Ok(message));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), tail in "[0-9ldei:qrtyav]{0,60}") {
        let _ = (Message::read(&bytes), Message::read(tail.as_bytes()));
        let _ = Message::read([b"d1:t1:a1:y1:r1:rd", tail.as_bytes()].concat().as_slice());
    }
}
