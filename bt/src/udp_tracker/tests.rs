use std::borrow::Cow;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::announce::{Event, Request as Announced};
use crate::scrape::MAX_HASHES;
use crate::swarm::Counts;

const URL: &[u8] = b"/announce/k/announce";

/// Field by field from the tables of BEP 15, with the offsets that it names.
fn announce_datagram(options: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(0x1122_3344_5566_7788_u64.to_be_bytes()); // connection_id, 0
    datagram.extend([0, 0, 0, 1]); // action, 8
    datagram.extend([0xca, 0xfe, 0xba, 0xbe]); // transaction_id, 12
    datagram.extend([b'h'; 20]); // info_hash, 16
    datagram.extend(*b"-XX0001-bbbbbbbbbbbb"); // peer_id, 36
    datagram.extend([0, 0, 0, 0, 0, 0, 1, 0]); // downloaded, 56
    datagram.extend([0, 0, 0, 0, 0, 0, 2, 0]); // left, 64
    datagram.extend([0, 0, 0, 0, 0, 0, 3, 0]); // uploaded, 72
    datagram.extend([0, 0, 0, 2]); // event: started, 80
    datagram.extend([192, 0, 2, 99]); // IP address, 84
    datagram.extend([0, 0, 0, 9]); // key, 88
    datagram.extend([0xff, 0xff, 0xff, 0xff]); // num_want: -1, 92
    datagram.extend([0x1a, 0xe1]); // port: 6881, 96
    assert_eq!(datagram.len(), 98);
    datagram.extend(options);
    datagram
}

fn announce(datagram: &[u8]) -> Result<Announce<'_>, Error> {
    match Request::read(datagram).expect("a header").action {
        Action::Announce(body) => Announce::read(body),
        other => panic!("{other:?}"),
    }
}

fn scrape(datagram: &[u8]) -> Result<Scrape<'_>, Error> {
    match Request::read(datagram).expect("a header").action {
        Action::Scrape(body) => Scrape::read(body),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connect_is_read_as_bep_15_shows_it() {
    let datagram = [0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 1, 2, 3, 4];
    let request = Request::read(&datagram).expect("a connect");
    assert_eq!((request.transaction, request.action), (0x0102_0304, Action::Connect));
    let mut written = Vec::new();
    Request::write_connect(0x0102_0304, &mut written);
    assert_eq!(written, datagram);
    assert_eq!(Request::read(&datagram[..15]), None);
    assert_eq!(Request::read(&[0; 16]), None);
}

#[test]
fn an_announce_is_read_as_bep_15_shows_it() {
    let datagram = announce_datagram(b"");
    let header = Request::read(&datagram).expect("a header");
    assert_eq!((header.connection, header.transaction), (0x1122_3344_5566_7788, 0xcafe_babe));
    let expected = Announced {
        info_hash: [b'h'; 20].into(),
        peer_id: *b"-XX0001-bbbbbbbbbbbb",
        port: 6881,
        uploaded: 0x300,
        downloaded: 0x100,
        left: Some(0x200),
        event: Event::Started,
        numwant: None,
        compact: true,
    };
    assert_eq!(announce(&datagram), Ok(Announce { request: expected, url: Cow::Borrowed(b"") }));
    for length in 16..98 {
        assert_eq!(announce(&datagram[..length]), Err(Error::Short), "{length}");
    }
}

#[test]
fn events_are_numbered_as_in_bep_15() {
    use Event::{Completed, None, Paused, Started, Stopped};
    for (number, event) in [(0, None), (1, Completed), (2, Started), (3, Stopped), (4, Paused), (255, None)] {
        let mut datagram = announce_datagram(b"");
        datagram[83] = number;
        assert_eq!(announce(&datagram).expect("whole").request.event, event);
    }
}

#[test]
fn the_url_is_put_together_from_its_options() {
    for options in [
        &b"\x02\x14/announce/k/announce"[..],
        b"\x02\x14/announce/k/announce\x00\x02\x01x and whatever",
        b"\x01\x01\x02\x0a/announce/\x01\x02\x00\x02\x0ak/announce\x01",
        b"\x07\x03abc\x02\x14/announce/k/announce\xff\x00",
        b"\x02\x01/\x02\x01a\x02\x12nnounce/k/announce\x00",
    ] {
        let datagram = announce_datagram(options);
        assert_eq!(announce(&datagram).expect("whole").url, URL, "{options:?}");
    }
    for options in [&b"\x02"[..], b"\x02\x01", b"\x02\x05/ann", b"\x01\x09\x01", b"\x02\x01/\x02"] {
        assert_eq!(announce(&announce_datagram(options)), Err(Error::Options), "{options:?}");
    }
    let datagram = announce_datagram(b"\x02\x14/announce/k/announce");
    assert!(matches!(announce(&datagram).expect("whole").url, Cow::Borrowed(_)));
}

#[test]
fn a_port_is_demanded() {
    let mut datagram = announce_datagram(b"");
    datagram[96..98].fill(0);
    assert_eq!(announce(&datagram), Err(Error::Announce(crate::announce::Error::Port)));
}

/// Each offset at which options might begin costs a walk over the rest of the datagram: 2 KB of decoys must not cause a
/// hundred walks.
#[test]
fn options_of_a_scrape_are_tried_at_few_offsets() {
    let header = [&[9; 8][..], &[0, 0, 0, 2], &[1, 2, 3, 4]].concat();
    let hash = [5; 20];
    let url = *b"\x02\x12/announce/k/scrape";
    let decoy = *b"\x02\x12/nowhere/to/be/got";
    for (decoys, is_found) in [(0, true), (3, true), (4, false)] {
        let mut datagram = [&header[..], &hash, &url].concat();
        // Each decoy is an option as well, which ends where the next begins.
        datagram.extend(decoy.repeat(decoys));
        let read = scrape(&datagram).expect("it has a hash");
        assert_eq!(read.hashes.len() == 1, is_found, "{decoys}");
        assert_eq!(read.url.starts_with(b"/announce/k/scrape"), is_found, "{decoys}");
    }
}

#[test]
fn a_scrape_is_read_with_its_url_or_without() {
    let header = [&[9; 8][..], &[0, 0, 0, 2], &[1, 2, 3, 4]].concat();
    let hashes = [[2; 20], [7; 20]];
    for (options, url) in [
        (&b""[..], &b""[..]),
        (b"\x02\x14/announce/k/announce", URL),
        (b"\x01\x02\x12/announce/k/scrape\x00", b"/announce/k/scrape"),
        // As long as another hash.
        (b"\x02\x0f/announce/k?abc\x00\x00\x00", b"/announce/k?abc"),
    ] {
        let datagram = [&header[..], hashes.as_flattened(), options].concat();
        assert_eq!(scrape(&datagram), Ok(Scrape { hashes: &hashes, url: Cow::Borrowed(url) }));
    }
    let count = |count: usize| [&header[..], &vec![5; 20 * count]].concat();
    assert!(matches!(scrape(&count(0)), Err(Error::Scrape(crate::scrape::Error::Missing))));
    assert_eq!(scrape(&count(MAX_HASHES)).map(|scrape| scrape.hashes.len()), Ok(MAX_HASHES));
    assert_eq!(scrape(&count(MAX_HASHES + 1)), Err(Error::Scrape(crate::scrape::Error::TooMany)));
}

#[test]
fn answers_are_written_as_bep_15_shows_them() {
    let written = |reply: Reply<'_>| {
        let mut out = Vec::new();
        reply.write(0x0a0b_0c0d, &mut out);
        out
    };
    assert_eq!(
        written(Reply::Connect(0x0102_0304_0506_0708)),
        [0, 0, 0, 0, 10, 11, 12, 13, 1, 2, 3, 4, 5, 6, 7, 8]
    );
    let peers = &[192, 0, 2, 1, 0x1a, 0xe1];
    assert_eq!(
        written(Reply::Announce { interval: 1800, leechers: 3, seeders: 2, peers }),
        [&[0, 0, 0, 1, 10, 11, 12, 13, 0, 0, 7, 8, 0, 0, 0, 3, 0, 0, 0, 2][..], peers].concat()
    );
    let counts = Counts { seeders: 1, leechers: 3, downloaders: 0, snatched: 2 };
    assert_eq!(
        written(Reply::Scrape(Cow::Borrowed(&[counts]))),
        [0, 0, 0, 2, 10, 11, 12, 13, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
    );
    assert_eq!(written(Reply::Error("No".into())), [0, 0, 0, 3, 10, 11, 12, 13, b'N', b'o']);
}

#[test]
fn a_connection_id_is_of_its_address_key_and_time() {
    let ids = ConnectionIds::new(&[1; 16]);
    let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), "2001:db8::1".parse().expect("an address"));
    for ip in [v4, v6] {
        for issued in [0, 29, 30, 1000, 30 * 255, 30 * 256, u32::MAX - 150] {
            let id = ids.issue(ip, issued);
            for later in [0, 60, 120] {
                assert!(ids.accept(id, ip, issued + later), "{issued} {later}");
            }
            assert!(!ids.accept(id, ip, issued + 150), "{issued}");
            assert!(issued < 30 || !ids.accept(id, ip, issued - 30), "not issued yet");
            assert!(!ids.accept(id ^ 1, ip, issued) && !ids.accept(id ^ 1 << 63, ip, issued));
            assert!(!ids.accept(id, IpAddr::from([192, 0, 2, 2]), issued));
            assert!(!ConnectionIds::new(&[2; 16]).accept(id, ip, issued));
        }
        // The slot is written in one byte: it comes back after two hours, the id does not.
        assert!(!ids.accept(ids.issue(ip, 0), ip, 256 * 30));
    }
}

prop_compose! {
    fn announced()(
        info_hash: [u8; 20],
        peer_id: [u8; 20],
        counters: (u64, u64, u64),
        port in 1_u16..,
        event in 0_usize..5,
        numwant in proptest::option::of(0..=i32::MAX.unsigned_abs()),
    ) -> Announced {
        use Event::{Completed, None, Paused, Started, Stopped};
        Announced {
            info_hash: info_hash.into(),
            peer_id,
            port,
            uploaded: counters.0,
            downloaded: counters.1,
            left: Some(counters.2),
            event: [None, Completed, Started, Stopped, Paused][event],
            numwant,
            compact: true,
        }
    }
}

proptest! {
    #[test]
    fn announces_come_back(
        request in announced(),
        url in vec(any::<u8>(), 0..600),
        connection: u64,
        transaction: u32,
    ) {
        let announce = Announce { request, url: url.into() };
        let mut datagram = Vec::new();
        announce.write(connection, transaction, &mut datagram);
        let read = Request::read(&datagram).expect("a header");
        prop_assert_eq!((read.connection, read.transaction), (connection, transaction));
        prop_assert_eq!(super::tests::announce(&datagram), Ok(announce));
    }

    #[test]
    fn scrapes_come_back(
        hashes in vec(any::<[u8; 20]>(), 1..=MAX_HASHES),
        key in "[a-z2-7]{0,200}",
        connection: u64,
    ) {
        for url in [String::new(), format!("/announce/{key}/scrape")] {
            let scrape = Scrape { hashes: &hashes, url: url.as_bytes().into() };
            let mut datagram = Vec::new();
            scrape.write(connection, 1, &mut datagram);
            prop_assert_eq!(super::tests::scrape(&datagram), Ok(scrape));
        }
    }

    #[test]
    fn answers_come_back(
        numbers: (u32, u32, u32, u32),
        id: u64,
        peers in vec(any::<u8>(), 0..1200),
        files in vec(any::<(u32, u32, u32)>(), 0..=MAX_HASHES),
        message in ".*",
    ) {
        let (transaction, interval, seeders, leechers) = numbers;
        let files: Vec<Counts> = files
            .into_iter()
            .map(|(seeders, leechers, snatched)| Counts { seeders, leechers, downloaders: leechers, snatched })
            .collect();
        for reply in [
            Reply::Connect(id),
            Reply::Announce { interval, leechers, seeders, peers: &peers },
            Reply::Scrape(files.into()),
            Reply::Error(message.into()),
        ] {
            let mut datagram = Vec::new();
            reply.write(transaction, &mut datagram);
            prop_assert_eq!(Reply::read(&datagram), Some((transaction, reply)));
        }
    }

    /// Whatever is read from random bytes has the properties that callers rely on.
    #[test]
    fn garbage_is_read_or_refused(mut datagram in vec(any::<u8>(), 0..300), action in 0_u8..4) {
        if let Some(field) = datagram.get_mut(8..12) {
            field.copy_from_slice(&[0, 0, 0, action]);
        }
        let _ = Reply::read(&datagram);
        match Request::read(&datagram).map(|request| request.action) {
            Some(Action::Announce(body)) => {
                if let Ok(announce) = Announce::read(body) {
                    prop_assert!(announce.request.port > 0 && announce.url.len() <= body.len());
                }
            }
            Some(Action::Scrape(body)) => {
                if let Ok(scrape) = Scrape::read(body) {
                    prop_assert!((1..=MAX_HASHES).contains(&scrape.hashes().count()));
                }
            }
            Some(Action::Connect) => prop_assert!(datagram.starts_with(&PROTOCOL.to_be_bytes())),
            None => {}
        }
    }
}
