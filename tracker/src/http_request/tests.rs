use proptest::prelude::*;

use super::*;

const PEER: &str = "192.0.2.1";

fn peer() -> IpAddr {
    PEER.parse().expect("an address")
}

fn whole(input: &str) -> Request<'_> {
    match read(input.as_bytes(), peer(), &[]) {
        Reading::Whole(request) => request,
        other => panic!("{input:?}: {other:?}"),
    }
}

#[test]
fn a_request_is_read_once_its_last_byte_is_there() {
    let first = "GET /announce?info_hash=%00\u{e4} HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n";
    let both = format!("{first}GET / HTTP/1.1\r\n\r\n");
    for end in 0..first.len() {
        assert_eq!(read(&first.as_bytes()[..end], peer(), &[]), Reading::Partial, "{end}");
    }
    for end in first.len()..both.len() {
        let Reading::Whole(request) = read(&both.as_bytes()[..end], peer(), &[]) else { panic!("{end}") };
        assert_eq!(request.length, first.len());
        assert_eq!(request.target, "/announce?info_hash=%00\u{e4}".as_bytes());
        assert_eq!((request.method, request.client), (Method::Get, peer()));
        assert_eq!(request.persistence, Persistence::Kept);
    }
}

#[test]
fn the_connection_is_kept_as_version_headers_and_body_say() {
    use Persistence::{Closed, Kept, KeptAndSaid};
    for (version, headers, expected) in [
        ("1.1", "", Kept),
        ("1.1", "Connection: keep-alive\r\n", Kept),
        ("1.1", "connection: Close\r\n", Closed),
        ("1.1", "Connection: keep-alive , close\r\n", Closed),
        ("1.1", "Connection: TE\r\nConnection:close\r\n", Closed),
        ("1.1", "Connection: closed\r\n", Kept),
        ("1.0", "", Closed),
        ("1.0", "CONNECTION: x, Keep-Alive\r\n", KeptAndSaid),
        ("1.0", "Connection: keep-alive, close\r\n", Closed),
        ("1.1", "Content-Length: 0\r\n", Kept),
        ("1.1", "Content-Length: 3\r\n", Closed),
        ("1.1", "content-length: +0\r\n", Closed),
        ("1.1", "Content-Length: 0\r\nContent-Length: 1\r\n", Closed),
        ("1.1", "Transfer-Encoding: chunked\r\n", Closed),
        ("1.0", "Connection: keep-alive\r\nTransfer-Encoding: identity\r\n", Closed),
    ] {
        let request = format!("GET / HTTP/{version}\r\n{headers}\r\n");
        assert_eq!(whole(&request).persistence, expected, "{request}");
    }
}

#[test]
fn a_target_is_read_from_its_path_on() {
    for (sent, read) in [
        ("/a?b", "/a?b"),
        ("//a", "//a"),
        ("http://host:80/a/b?http://c/d", "/a/b?http://c/d"),
        ("HTTPS://[::1]/", "/"),
        ("http://host", "/"),
        ("http://host?a", "/"),
        ("*", "/"),
        ("host:80", "/"),
        ("ftp://host/a", "/"),
    ] {
        assert_eq!(whole(&format!("GET {sent} HTTP/1.1\r\n\r\n")).target, read.as_bytes());
    }
}

#[test]
fn methods_are_told_apart() {
    for (name, method) in
        [("GET", Method::Get), ("HEAD", Method::Head), ("POST", Method::Other), ("get", Method::Other)]
    {
        assert_eq!(whole(&format!("{name} / HTTP/1.1\r\n\r\n")).method, method);
    }
}

#[test]
fn a_trusted_proxys_header_is_read_in_any_case() {
    let request =
        "GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.1\r\nA: b\r\nx-forwarded-FOR: 198.51.100.7\r\n\r\n";
    for (trusted, client) in [(PEER, "198.51.100.7"), ("192.0.2.2", PEER)] {
        let trusted = format!("{trusted}/32").parse().expect("a net");
        let Reading::Whole(request) = read(request.as_bytes(), peer(), &[trusted]) else { panic!("whole") };
        assert_eq!(request.client.to_string(), client);
    }
}

#[test]
fn what_a_client_wrote_before_its_proxy_does_not_hide_its_address() {
    let request = b"GET / HTTP/1.1\r\nX-Forwarded-For: \xff\xfe, 198.51.100.9,\r\n\r\n";
    let trusted = format!("{PEER}/32").parse().expect("a net");
    let Reading::Whole(request) = read(request, peer(), &[trusted]) else { panic!("whole") };
    assert_eq!(request.client.to_string(), "198.51.100.9");
}

#[test]
fn bytes_that_are_not_http_are_malformed() {
    for input in [
        "\0",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\na\r\n\r\n",
        "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
    ] {
        assert_eq!(read(input.as_bytes(), peer(), &[]), Reading::Malformed, "{input:?}");
    }
    let many = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert_eq!(whole(&many(MAX_HEADERS)).persistence, Persistence::Kept);
    assert_eq!(read(many(MAX_HEADERS + 1).as_bytes(), peer(), &[]), Reading::TooMany);
}

#[test]
fn a_target_need_not_be_utf_8() {
    let first =
        b"\r\nGET /announce?info_hash=\xe4\xff%00\x80 HTTP/1.1\r\nHost: \xe4\r\nConnection: close\r\n\r\n";
    let both = [&first[..], b"GET / HTTP/1.1\r\n\r\n"].concat();
    for end in 0..first.len() {
        assert_eq!(read(&first[..end], peer(), &[]), Reading::Partial, "{end}");
    }
    for end in first.len()..both.len() {
        let Reading::Whole(request) = read(&both[..end], peer(), &[]) else { panic!("{end}") };
        assert_eq!(request.length, first.len());
        assert_eq!(request.target, b"/announce?info_hash=\xe4\xff%00\x80");
        assert_eq!((request.method, request.persistence), (Method::Get, Persistence::Closed));
    }
    for input in [
        &b"GET /\xe4 \r\n\r\n"[..],
        b"GET /\xe4\r\n\r\n",
        b"GET /\xe4\0 HTTP/1.1\r\n\r\n",
        b"GET /\xe4  HTTP/1.1\r\n\r\n",
        b"GET /\xe4 HTTP/2.0\r\n\r\n",
        b"GET /\xe4 HTTP/1.1\r\n: a\r\n\r\n",
        b"POST /\xe4 HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(read(input, peer(), &[]), Reading::Malformed, "{input:?}");
    }
    let many = [&b"GET /\xe4 HTTP/1.0\n"[..], &b"a: b\r\n".repeat(MAX_HEADERS + 1), b"\r\n"].concat();
    assert_eq!(read(&many, peer(), &[]), Reading::TooMany);
}

proptest! {
    /// And what is read lies within it.
    #[test]
    fn no_bytes_make_it_panic(
        begin in "(GET|HEAD|[A-Z]{0,5}) (/|http://a/)?[!-~]{0,9}|",
        plain in proptest::collection::vec(0x80_u8.., 0..3),
        end in "[!-~]{0,9} HTTP/1[.][01]\r?\n|",
        rest in proptest::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n: ,a"[..])], 0..200),
    ) {
        let input = [begin.as_bytes(), &plain, end.as_bytes(), &rest].concat();
        let trusted = ["0.0.0.0/0".parse().expect("a net")];
        if let Reading::Whole(request) = read(&input, peer(), &trusted) {
            prop_assert!(request.length <= input.len());
            prop_assert!(request.target.starts_with(b"/"));
            prop_assert!(input[..request.length].ends_with(b"\n"));
        }
    }
}
