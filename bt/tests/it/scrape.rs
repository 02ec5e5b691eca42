//! Scrapes, read and written.

use std::collections::BTreeMap;

use bt::InfoHash;
use bt::announce::{Failure, Retry};
use bt::scrape::{Error, MAX_HASHES, Request, decode, encode};
use bt::swarm::Counts;
use proptest::prelude::*;

#[test]
fn hashes_are_read_in_their_order() {
    let request =
        Request::parse(b"passkey=x&info_hash=bbbbbbbbbbbbbbbbbbbb&info_hash=%61aaaaaaaaaaaaaaaaaaa");
    let hashes = vec![InfoHash::from([b'b'; 20]), InfoHash::from([b'a'; 20])];
    assert_eq!(request, Ok(Request { hashes }));
}

#[test]
fn too_many_too_few_and_broken_ones_are_refused() {
    let query = |count: usize| vec!["info_hash=bbbbbbbbbbbbbbbbbbbb"; count].join("&");
    assert!(Request::parse(query(MAX_HASHES).as_bytes()).is_ok());
    assert_eq!(Request::parse(query(MAX_HASHES + 1).as_bytes()), Err(Error::TooMany));
    assert!(Error::TooMany.to_string().contains("74"));
    assert_eq!(Request::parse(b"info_hash="), Err(Error::Missing));
    assert_eq!(Request::parse(b"info_hash=b"), Err(Error::NotTwentyBytes));
}

#[test]
fn an_answer_is_sorted_and_names_a_torrent_once() {
    let counts = Counts { seeders: 1, leechers: 3, downloaders: 2, snatched: 4 };
    let (a, b) = (InfoHash::from([b'a'; 20]), InfoHash::from([b'b'; 20]));
    let mut out = Vec::new();
    encode(&mut [(b, counts), (a, Counts::default()), (b, counts)], &mut out);
    let expected =
        b"d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0ee\
        20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi4e11:downloadersi2e10:incompletei3eeee";
    assert_eq!(out, expected, "{}", out.escape_ascii());
}

#[test]
fn a_refusal_is_read() {
    let mut out = Vec::new();
    Failure { reason: "No.", retry: Retry::Never }.encode(&mut out);
    assert_eq!(decode(&out).expect("bencoding"), Err("No.".to_owned()));
}

proptest! {
    #[test]
    fn both_ways_agree(files: BTreeMap<[u8; 20], (u32, u32, u32, u32)>) {
        let files: BTreeMap<InfoHash, Counts> = files.into_iter().map(|(hash, numbers)| {
            let (seeders, leechers, downloaders, snatched) = numbers;
            (hash.into(), Counts { seeders, leechers, downloaders, snatched })
        }).collect();
        let mut out = Vec::new();
        encode(&mut files.clone().into_iter().rev().collect::<Vec<_>>(), &mut out);
        prop_assert_eq!(decode(&out).expect("bencoding"), Ok(files.clone()));
        let hashes: Vec<InfoHash> = files.into_keys().take(MAX_HASHES).collect();
        prop_assume!(!hashes.is_empty());
        let mut query = String::new();
        Request { hashes: hashes.clone() }.write_query(&mut query);
        prop_assert_eq!(Request::parse(query.as_bytes()), Ok(Request { hashes }));
    }

    #[test]
    fn nothing_panics_on_garbage(bytes: Vec<u8>) {
        let _ = Request::parse(&bytes);
        let _ = decode(&bytes);
    }
}
