//! Parses the header of one HTTP request from the bytes that have come so far.

use std::mem::MaybeUninit;
use std::net::IpAddr;

use httparse::Header;
use infra::client_address::client_address;
use ipnet::IpNet;

/// Headers that one request may have: browsers behind proxies send about 20, BitTorrent clients 4.
const MAX_HEADERS: usize = 64;

/// What the bytes that have come so far hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading<'a> {
    /// The whole header of a request.
    Whole(Request<'a>),
    /// The beginning of a header.
    Partial,
    /// Bytes that are not HTTP/1.0 or 1.1.
    Malformed,
    /// More than [`MAX_HEADERS`] headers.
    TooMany,
}

/// One request's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Path and query as sent.
    pub(crate) target: &'a [u8],
    /// The client's address, as trusted proxies give it.
    pub(crate) client: IpAddr,
    pub(crate) persistence: Persistence,
    /// Whether the header announces a body.
    pub(crate) has_body: bool,
    /// Length of the header in bytes.
    pub(crate) length: usize,
}

/// How a request is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    /// Answered without a body, and only where it changes nothing.
    Head,
    /// Refused.
    Other,
}

/// Whether the connection stays open after the answer, and whether a header must say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// HTTP/1.1: it stays open, which needs no header.
    Kept,
    /// HTTP/1.0 with `keep-alive`: it stays open, which the answer's header says.
    KeptAndSaid,
    /// It is closed, which the answer's header says.
    Closed,
}

/// Reads the header at the beginning of `input`, sent by `peer`.
///
/// `X-Forwarded-For` is read only if there are trusted proxies. A request with a body is answered and its connection
/// closed, as no request that the tracker serves has one.
pub(crate) fn read<'a>(input: &'a [u8], peer: IpAddr, trusted: &[IpNet]) -> Reading<'a> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(input, &mut headers) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Reading::Partial,
        Err(httparse::Error::TooManyHeaders) => return Reading::TooMany,
        Err(httparse::Error::Token) => return read_plain(input, peer, trusted),
        Err(_) => return Reading::Malformed,
    };
    let method = match request.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => Method::Other,
    };
    let (persistence, has_body) = persistence(request.headers, request.version == Some(1));
    Reading::Whole(Request {
        method,
        target: origin_form(request.path.unwrap_or_default().as_bytes()),
        client: client(request.headers, peer, trusted),
        persistence,
        has_body,
        length,
    })
}

/// Reads a GET whose target is not UTF-8, which `httparse` refuses: some clients leave most bytes of a hash unescaped.
fn read_plain<'a>(input: &'a [u8], peer: IpAddr, trusted: &[IpNet]) -> Reading<'a> {
    const ENDS: [(&[u8], bool); 4] =
        [(b"HTTP/1.1\r\n", true), (b"HTTP/1.0\r\n", false), (b"HTTP/1.1\n", true), (b"HTTP/1.0\n", false)];
    let begin = input.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or_default();
    let line = input[begin..].strip_prefix(b"GET ").and_then(|line| {
        let end = line.iter().position(|byte| !matches!(byte, b'!'..=b'~' | 0x80..))?;
        let (target, rest) = line.split_at(end);
        Some((target, rest.strip_prefix(b" ")?))
    });
    let Some((target, rest)) = line.filter(|(target, _)| std::str::from_utf8(target).is_err()) else {
        return Reading::Malformed;
    };
    let Some((fields, http_1_1)) = ENDS.iter().find_map(|(end, it)| Some((rest.strip_prefix(*end)?, *it)))
    else {
        let goes_on = ENDS.iter().any(|(end, _)| end.starts_with(rest));
        return if goes_on { Reading::Partial } else { Reading::Malformed };
    };
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    match httparse::parse_headers(fields, &mut headers) {
        Ok(httparse::Status::Complete((length, headers))) => {
            let (persistence, has_body) = persistence(headers, http_1_1);
            Reading::Whole(Request {
                method: Method::Get,
                target: origin_form(target),
                client: client(headers, peer, trusted),
                persistence,
                has_body,
                length: input.len() - fields.len() + length,
            })
        }
        Ok(httparse::Status::Partial) => Reading::Partial,
        Err(httparse::Error::TooManyHeaders) => Reading::TooMany,
        Err(_) => Reading::Malformed,
    }
}

/// The path and query of a target. A proxy may pass on the absolute form `http://host/path` (RFC 9112, 3.2.2).
fn origin_form(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let authority = [&b"http://"[..], b"https://"].iter().find_map(|&scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let path = authority.and_then(|rest| rest.iter().position(|&byte| byte == b'/').map(|at| &rest[at..]));
    path.unwrap_or(b"/")
}

fn client(headers: &[Header<'_>], peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    if trusted.is_empty() {
        return peer;
    }
    let forwarded = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("x-forwarded-for"));
    client_address(peer, forwarded.map(|it| it.value), trusted)
}

/// Whether the connection stays open, and whether the request has a body.
fn persistence(headers: &[Header<'_>], http_1_1: bool) -> (Persistence, bool) {
    let (mut kept, mut closed, mut has_body) = (false, false, false);
    for Header { name, value } in headers {
        // Most headers are told apart by their length.
        match name.len() {
            10 if name.eq_ignore_ascii_case("connection") => {
                for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    kept |= word.eq_ignore_ascii_case(b"keep-alive");
                    closed |= word.eq_ignore_ascii_case(b"close");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => has_body |= value.trim_ascii() != b"0",
            17 if name.eq_ignore_ascii_case("transfer-encoding") => has_body = true,
            _ => {}
        }
    }
    let persistence = match (closed || has_body, http_1_1, kept) {
        (true, _, _) | (_, false, false) => Persistence::Closed,
        (_, true, _) => Persistence::Kept,
        (_, false, true) => Persistence::KeptAndSaid,
    };
    (persistence, has_body)
}

#[cfg(test)]
mod tests;
