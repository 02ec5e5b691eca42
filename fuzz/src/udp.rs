//! Datagrams of BEP 15: a parsed datagram can be written, and parses again to an equal one.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bt::announce;
use bt::scrape::MAX_HASHES;
use bt::swarm::Counts;
use bt::udp_tracker::{Action, Announce, ConnectionIds, Error, Reply, Request, Scrape};

use crate::{announce_query, memory};

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "\0\0\u{4}\u{17}\u{27}\u{10}\u{19}\0",
    "\0\0\0\u{1}",
    "\0\0\0\u{2}",
    "\0\0\0\u{3}",
    "\u{2}\u{9}/announce",
    "\u{2}\u{7}/scrape",
    "\u{2}\u{2}/a",
    "\u{1}\u{1}",
    "/announce",
];

/// Checks `data` as a datagram of a client, and as one of a tracker.
pub fn check(data: &[u8]) {
    let (request, held) = memory::peak(|| Request::read(data));
    assert_eq!(held, 0, "taking a datagram apart takes no memory");
    if let Some(request) = request {
        assert!(data.len() >= 16);
        check_request(&request, data);
    }
    let (reply, held) = memory::peak(|| Reply::read(data));
    assert!(held <= data.len() * 8 + 64, "{held} bytes held");
    if let Some((transaction, reply)) = reply {
        let mut written = Vec::new();
        reply.write(transaction, &mut written);
        assert_eq!(Reply::read(&written), Some((transaction, reply)));
    }
}

fn check_request(request: &Request<'_>, data: &[u8]) {
    let Request { connection, transaction, action } = *request;
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let ids = ConnectionIds::new(&[7; 16]);
        assert!(ids.accept(ids.issue(ip, transaction), ip, transaction.saturating_add(119)));
    }
    let mut written = Vec::new();
    match action {
        Action::Connect => {
            Request::write_connect(transaction, &mut written);
            assert_eq!(written, data[..16]);
        }
        Action::Announce(body) => {
            assert_eq!(body, &data[16..]);
            let (announce, held) = memory::peak(|| Announce::read(body));
            assert!(held <= data.len() * 3, "{held} bytes held");
            match announce {
                Ok(announce) => {
                    announce.write(connection, transaction, &mut written);
                    check_announce(&announce, &written, data);
                }
                Err(Error::Short) => assert!(data.len() < 98),
                Err(Error::Announce(announce::Error::Port)) => assert_eq!(data[96..98], [0, 0]),
                Err(error) => assert_eq!(error, Error::Options),
            }
        }
        Action::Scrape(body) => {
            let (scrape, held) = memory::peak(|| Scrape::read(body));
            assert!(held <= data.len() * 3, "{held} bytes held");
            if let Ok(scrape) = scrape {
                scrape.write(connection, transaction, &mut written);
                check_scrape(&scrape, &written, body);
            }
        }
    }
}

fn check_announce(announce: &Announce<'_>, written: &[u8], data: &[u8]) {
    assert_ne!(announce.request.port, 0);
    assert_eq!(*announce.url, url(&data[98..]));
    // The bytes must be equal except for the event, ignored fields, and negative numbers of peers.
    for same in [0..80, 96..98] {
        assert_eq!(written[same.clone()], data[same]);
    }
    let again = Request::read(written).map(|request| request.action);
    let Some(Action::Announce(body)) = again else { panic!("it is written as {again:?}") };
    assert_eq!(Announce::read(body).as_ref(), Ok(announce));
    // The same announce over HTTP must parse to an equal request.
    let mut query = String::new();
    announce.request.write_query(&mut query);
    announce_query::check(query.as_bytes());
    assert_eq!(announce::Request::parse(query.as_bytes()).as_ref(), Ok(&announce.request));
}

/// Path and query, joined from the options of BEP 41.
fn url(options: &[u8]) -> Vec<u8> {
    let mut url = Vec::new();
    let mut at = 0;
    while let Some(kind @ 1..) = options.get(at) {
        let end = if *kind == 1 { at + 1 } else { at + 2 + usize::from(options[at + 1]) };
        if *kind == 2 {
            url.extend_from_slice(&options[at + 2..end]);
        }
        at = end;
    }
    url
}

fn check_scrape(scrape: &Scrape<'_>, written: &[u8], body: &[u8]) {
    assert!((1..=MAX_HASHES).contains(&scrape.hashes.len()));
    assert!(body.starts_with(scrape.hashes.as_flattened()));
    // The parser guesses where the URL begins, so a URL that contains another one may be written differently.
    let plain =
        !scrape.url.is_empty() && scrape.url.len() < 256 && scrape.url.iter().all(|byte| *byte > b' ');
    if plain {
        let again = Request::read(written).map(|request| request.action);
        let Some(Action::Scrape(body)) = again else { panic!("it is written as {again:?}") };
        assert_eq!(Scrape::read(body).as_ref(), Ok(scrape));
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let mut seed = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut datagram = Vec::new();
        write(&mut datagram);
        seeds.push(datagram);
    };
    seed(&|out| Request::write_connect(1, out));
    let long = [b"/announce/", &[b'k'; 300][..], b"/announce"].concat();
    for url in [&b""[..], b"/announce/key/announce?a=b", &long] {
        for query in announce_query::seeds() {
            let request = announce::Request::parse(&query).expect("a seed is sound");
            let announce = Announce { request, url: url.into() };
            seed(&|out| announce.write(5, 6, out));
        }
        for count in [1_usize, 2, 74, 75] {
            seed(&|out| Scrape { hashes: &vec![[9; 20]; count], url: url.into() }.write(5, 6, out));
        }
    }
    let counts = Counts { seeders: 1, leechers: 2, downloaders: 2, snatched: u32::MAX };
    for reply in [
        Reply::Connect(u64::MAX),
        Reply::Announce { interval: 1800, leechers: 1, seeders: 2, peers: &[1; 12] },
        Reply::Scrape(Cow::Owned(vec![counts; 3])),
        Reply::Error("no".into()),
    ] {
        seed(&|out| reply.write(7, out));
    }
    seeds
}
