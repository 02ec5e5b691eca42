//! Announces, read and written.

use std::net::{IpAddr, SocketAddr};

use bt::announce::{
    Error, Event, Failure, NumWant, PeerList, Peers, Reply, Request, Response, Retry, decode,
};
use bt::bencode;
use bt::swarm::{Announcement, PeerBuffer, Rules, Swarm};
use proptest::prelude::*;

const HASH: &str = "info_hash=aaaaaaaaaaaaaaaaaaaa";
const REST: &str = "&peer_id=-XX0001-bbbbbbbbbbbb&port=6881&uploaded=1&downloaded=2&left=3";

fn parse(more: &str) -> Result<Request, Error> {
    Request::parse(format!("{HASH}{REST}{more}").as_bytes())
}

#[test]
fn a_plain_announce_is_read() {
    let request = parse("").expect("complete");
    assert_eq!(request.info_hash.as_bytes(), b"aaaaaaaaaaaaaaaaaaaa");
    assert_eq!(&request.peer_id, b"-XX0001-bbbbbbbbbbbb");
    assert_eq!((request.port, request.uploaded, request.downloaded, request.left), (6881, 1, 2, Some(3)));
    assert_eq!((request.event, request.numwant), (Event::None, None));
    assert!(request.compact);
}

#[test]
fn escapes_mix_with_plain_bytes_and_plus_is_plus() {
    let query = format!("info_hash=%aB%Abaa+%20==%00?/\u{7f}aaaaaaaa{REST}");
    let request = Request::parse(query.as_bytes()).expect("20 bytes");
    assert_eq!(request.info_hash.as_bytes(), b"\xab\xabaa+ ==\0?/\x7faaaaaaaa");
}

#[test]
fn what_is_empty_unknown_or_without_value_is_ignored() {
    let same = parse("").expect("complete");
    for more in [
        "&",
        "&&",
        "&=",
        "&=3",
        "&port",
        "&port=",
        "&left=",
        "&info_hash=",
        "&info_hash",
        "&event=",
        "&event=dancing",
        "&ip=1.2.3.4&ipv4=1.2.3.4:5&ipv6=::1",
        "&corrupt=0&supportcrypto=1&redundant=0&trackerid=x",
        "&PORT=0",
        "&key=zebra",
        "&key=1A2B3C4D",
    ] {
        assert_eq!(parse(more).as_ref(), Ok(&same), "{more}");
    }
}

#[test]
fn every_event_is_known() {
    for (text, event) in [
        ("started", Event::Started),
        ("stopped", Event::Stopped),
        ("completed", Event::Completed),
        ("paused", Event::Paused),
    ] {
        assert_eq!(parse(&format!("&event={text}")).map(|request| request.event), Ok(event));
    }
}

#[test]
fn numwant_has_a_default_and_a_cap() {
    for (more, wanted) in [
        ("", 50),
        ("&numwant=", 50),
        ("&numwant=-1", 50),
        ("&numwant=many", 50),
        ("&numwant=0", 0),
        ("&numwant=7", 7),
        ("&numwant=200", 200),
        ("&numwant=201", 200),
        ("&numwant=99999999999999999999999", 200),
    ] {
        assert_eq!(parse(more).map(|request| request.wanted(NumWant::default())), Ok(wanted), "{more}");
    }
}

#[test]
fn compact_is_the_rule() {
    for (more, list) in [
        ("", PeerList::Compact),
        ("&compact=1", PeerList::Compact),
        ("&compact=yes&no_peer_id=1", PeerList::Compact),
        ("&compact=0", PeerList::Dictionaries),
        ("&compact=0&no_peer_id=0", PeerList::Dictionaries),
    ] {
        let request = parse(more).expect("complete");
        assert_eq!(PeerList::choose(request.compact), list, "{more}");
    }
}

#[test]
fn bad_values_are_refused_with_their_name() {
    for (more, error) in [
        ("&port=0", Error::Port),
        ("&port=65536", Error::Port),
        ("&port=-1", Error::Port),
        ("&port=http", Error::Port),
        ("&uploaded=-1", Error::Counter("uploaded")),
        ("&downloaded=18446744073709551616", Error::Counter("downloaded")),
        ("&left=1.5", Error::Counter("left")),
        ("&left=+1", Error::Counter("left")),
        ("&info_hash=aaaaaaaaaaaaaaaaaaaa", Error::RepeatedInfoHash),
        ("&info_hash=short", Error::NotTwentyBytes("info_hash")),
        ("&peer_id=twenty-one-bytes-long", Error::NotTwentyBytes("peer_id")),
        ("&peer_id=%zzaaaaaaaaaaaaaaaaaaa", Error::NotTwentyBytes("peer_id")),
        ("&peer_id=aaaaaaaaaaaaaaaaaaa%", Error::NotTwentyBytes("peer_id")),
        ("&peer_id=aaaaaaaaaaaaaaaaaaa%a", Error::NotTwentyBytes("peer_id")),
    ] {
        assert_eq!(parse(more), Err(error), "{more}");
    }
    let most = parse("&uploaded=18446744073709551615").expect("64 bits");
    assert_eq!(most.uploaded, u64::MAX);
}

#[test]
fn what_is_missing_is_named() {
    let all = format!("{HASH}{REST}");
    for name in ["info_hash", "peer_id", "port", "uploaded", "downloaded", "left"] {
        let without: Vec<&str> = all.split('&').filter(|pair| !pair.starts_with(name)).collect();
        let error = Request::parse(without.join("&").as_bytes()).expect_err("incomplete");
        assert_eq!(error, Error::Missing(name));
        assert!(error.to_string().contains(name));
    }
}

#[test]
fn a_client_that_leaves_need_not_count() {
    let query = format!("{HASH}&peer_id=-XX0001-bbbbbbbbbbbb&port=6881&event=stopped");
    let request = Request::parse(query.as_bytes()).expect("enough to leave");
    assert_eq!((request.event, request.left), (Event::Stopped, None));
}

/// The peers that one more leecher gets from a swarm of `endpoints`.
fn told(endpoints: &[&str]) -> PeerBuffer {
    let (mut swarm, mut peers) = (Swarm::new(0), PeerBuffer::default());
    let mut rng = fastrand::Rng::with_seed(1);
    let me = ["192.0.2.1:1"];
    for (number, endpoint) in endpoints.iter().chain(&me).enumerate() {
        let member = u32::try_from(number).expect("few");
        let announcement = Announcement {
            member,
            identity: member,
            client: [0; 8],
            endpoint: endpoint.parse().expect("an endpoint"),
            uploaded: 0,
            downloaded: 0,
            left: Some(1),
            event: Event::Started,
            numwant: 50,
        };
        swarm.announce(&announcement, &Rules::default(), 0, &mut rng, |_| 0, &mut peers);
    }
    peers
}

fn response(peers: &PeerBuffer, list: PeerList) -> Response<'_> {
    Response {
        complete: 1,
        downloaded: 2,
        external_ip: Some(IpAddr::from([1, 2, 3, 4])),
        incomplete: 3,
        interval: 1800,
        min_interval: 60,
        peers,
        list,
        warning: None,
    }
}

fn encoded(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    response.encode(&mut out);
    bencode::check(&out, &bencode::Limits::default()).expect("bencoding");
    out
}

#[test]
fn a_compact_answer_is_as_bep_23_and_bep_7_write_it() {
    let peers = told(&["10.0.0.1:258", "[::1]:2"]);
    let expected =
        b"d8:completei1e10:downloadedi2e11:external ip4:\x01\x02\x03\x0410:incompletei3e8:intervali1800e\
        12:min intervali60e5:peers6:\x0a\0\0\x01\x01\x026:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x02e";
    assert_eq!(encoded(&response(&peers, PeerList::Compact)), expected);
}

#[test]
fn a_warning_comes_last_and_a_mapped_address_is_four_bytes() {
    let peers = PeerBuffer::default();
    let mapped = "::ffff:1.2.3.4".parse().ok();
    let answer =
        Response { warning: Some("late"), external_ip: mapped, ..response(&peers, PeerList::Compact) };
    let out = encoded(&answer);
    assert!(out.ends_with(b"5:peers0:6:peers60:15:warning message4:latee"));
    let address = b"11:external ip4:\x01\x02\x03\x0410:incomplete";
    assert!(out.windows(address.len()).any(|part| part == address));
}

#[test]
fn a_dictionary_answer_lists_both_families() {
    let peers = told(&["10.0.0.1:258", "[2001:db8::7]:2"]);
    let out = encoded(&response(&peers, PeerList::Dictionaries));
    let list = b"5:peersld2:ip8:10.0.0.14:porti258eed2:ip11:2001:db8::74:porti2eeee";
    assert!(out.ends_with(list), "{}", out.escape_ascii());
}

#[test]
fn answers_are_read_back() {
    let endpoints = ["10.0.0.1:258", "203.0.113.9:65535", "[2001:db8::7]:2", "[ffff::ffff]:1"];
    let peers = told(&endpoints);
    for list in [PeerList::Compact, PeerList::Dictionaries] {
        let answer = Response { warning: Some("Soon."), ..response(&peers, list) };
        let Reply::Peers(read) = decode(&encoded(&answer)).expect("an answer") else {
            panic!("no failure was written")
        };
        let mut seen: Vec<SocketAddr> = read.peers.iter().map(|(endpoint, _)| *endpoint).collect();
        seen.sort();
        let mut expected: Vec<SocketAddr> = endpoints.iter().filter_map(|text| text.parse().ok()).collect();
        expected.sort();
        assert_eq!(seen, expected);
        assert!(read.peers.iter().all(|(_, id)| id.is_none()));
        let rest = Peers { peers: Vec::new(), ..read };
        let expected = Peers {
            complete: Some(1),
            downloaded: Some(2),
            external_ip: Some([1, 2, 3, 4].into()),
            incomplete: Some(3),
            interval: 1800,
            min_interval: Some(60),
            peers: Vec::new(),
            warning: Some("Soon.".to_owned()),
        };
        assert_eq!(rest, expected);
    }
}

#[test]
fn failures_say_when_to_try_again() {
    for (retry, expected) in [
        (Retry::Unsaid, "d14:failure reason3:No.e"),
        (Retry::Minutes(5), "d14:failure reason3:No.8:retry ini5ee"),
        (Retry::Never, "d14:failure reason3:No.8:retry in5:nevere"),
    ] {
        let mut out = Vec::new();
        Failure { reason: "No.", retry }.encode(&mut out);
        assert_eq!(out, expected.as_bytes());
        assert_eq!(decode(&out).ok(), Some(Reply::Failure { reason: "No.".to_owned(), retry }));
    }
}

#[test]
fn a_strange_tracker_is_an_error() {
    for body in [
        &b""[..],
        b"<html>",
        b"i1e",
        b"le",
        b"d5:peers5:abcdee",
        b"d6:peers617:aaaaaaaaaaaaaaaaae",
        b"d8:intervali-1ee",
    ] {
        assert!(decode(body).is_err(), "{}", body.escape_ascii());
    }
    let deep = [b"d1:a".as_slice(), &b"l".repeat(50_000), &b"e".repeat(50_000), b"e"].concat();
    assert!(decode(&deep).is_err());
}

prop_compose! {
    fn requests()(
        info_hash: [u8; 20], peer_id: [u8; 20], port in 1..=u16::MAX,
        uploaded: u64, downloaded: u64, left: u64, event in 0..5_u8,
        numwant: Option<u32>, compact: bool,
    ) -> Request {
        let event = match event {
            0 => Event::None,
            1 => Event::Started,
            2 => Event::Stopped,
            3 => Event::Completed,
            _ => Event::Paused,
        };
        let left = (event != Event::Stopped || left % 2 == 0).then_some(left);
        let info_hash = info_hash.into();
        Request {
            info_hash, peer_id, port, uploaded, downloaded, left, event, numwant, compact,
        }
    }
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(request in requests()) {
        let mut query = String::new();
        request.write_query(&mut query);
        prop_assert_eq!(Request::parse(query.as_bytes()), Ok(request));
    }

    /// The percent-encoding crate is the reference; each byte is escaped in one of three ways or left as it is.
    #[test]
    fn any_mixture_of_escapes_is_decoded(bytes: [u8; 20], ways: [u8; 20]) {
        let mut query = b"info_hash=".to_vec();
        for (byte, way) in bytes.iter().zip(ways) {
            match way % 3 {
                0 if !matches!(byte, b'&' | b'%') => query.push(*byte),
                1 => query.extend(format!("%{byte:02X}").bytes()),
                _ => query.extend(format!("%{byte:02x}").bytes()),
            }
        }
        let reference: Vec<u8> = percent_encoding::percent_decode(&query[10..]).collect();
        query.extend(REST.bytes());
        let request = Request::parse(&query).expect("20 bytes");
        prop_assert_eq!(request.info_hash.as_bytes(), &bytes);
        prop_assert_eq!(request.info_hash.as_bytes().as_slice(), reference.as_slice());
    }

    #[test]
    fn nothing_panics_on_garbage(bytes: Vec<u8>, text in "[a-z_=&%0-9]{0,200}") {
        let _ = Request::parse(&bytes);
        let _ = Request::parse(text.as_bytes());
        let _ = decode(&bytes);
        let _ = bt::route::Route::parse(&bytes, 0);
    }
}
