//! The header of an HTTP request: it is parsed alike however its bytes are split.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use tracker::fuzzing::{Header, Refused, read_header};

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "GET ",
    "HEAD ",
    "POST ",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "\r\n\r\n",
    "\n\n",
    "http://host",
    "https://",
    "Connection: ",
    "keep-alive",
    "close",
    "Content-Length: ",
    "Transfer-Encoding: chunked",
    "X-Forwarded-For: ",
    "203.0.113.7, 198.51.100.2",
    "[2001:db8::1]:5",
];

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn read(input: &[u8]) -> Result<Option<Header<'_>>, Refused> {
    let trusted = [IpNet::from(PEER)];
    let (reading, held) = memory::peak(|| read_header(input, PEER, &trusted));
    assert_eq!(held, 0, "reading takes no memory");
    reading
}

/// Checks `data` as the bytes received on a connection so far.
pub fn check(data: &[u8]) {
    let whole = read(data);
    if let Ok(Some(header)) = &whole {
        assert!(header.length <= data.len());
        assert!(data[..header.length].ends_with(b"\n"));
        assert!(header.target.starts_with(b"/"));
        assert_eq!(read(&data[..header.length]), whole, "what follows a header changes nothing");
        assert_eq!(read_header(data, PEER, &[]).map(|it| it.map(|it| it.client)), Ok(Some(PEER)));
    }
    // Every prefix of a small input, some prefixes of a large one.
    let step = data.len() / 256 + 1;
    for end in (0..data.len()).step_by(step) {
        match (read(&data[..end]), &whole) {
            (Ok(None), Ok(None) | Err(_)) | (Err(_), Err(_)) => {}
            (Ok(None), Ok(Some(header))) => assert!(end < header.length, "{end}"),
            (Ok(Some(early)), Ok(Some(header))) => assert_eq!(early, *header, "{end}"),
            (early, late) => panic!("after {end} bytes {early:?}, at last {late:?}"),
        }
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "GET /announce/k/announce?info_hash=%00 HTTP/1.1\r\nHost: t\r\nUser-Agent: qBittorrent/5.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nHEAD /scrape HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        "GET http://host:80/a?b HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7, 192.0.2.1\r\nConnection: close\r\n\r\n",
        "POST /announce HTTP/1.1\nContent-Length: 3\nTransfer-Encoding: chunked\n\nabc",
        "\x16\x03\x01\x02\0\x01\0\x01",
    ]
    .map(|seed| seed.as_bytes().to_vec())
    .into()
}
