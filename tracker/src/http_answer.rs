//! Writes HTTP answers.

use std::io::Write as _;

use crate::http_request::{Method, Persistence};

/// The status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    HeaderTooLarge,
}

impl Status {
    /// The status line and headers, up to the value of `Content-Length`.
    fn head(self) -> &'static [u8] {
        match self {
            Self::Ok => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ",
            Self::BadRequest => b"HTTP/1.1 400 Bad Request\r\nContent-Length: ",
            Self::NotFound => b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ",
            Self::MethodNotAllowed => b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: ",
            Self::HeaderTooLarge => b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: ",
        }
    }
}

/// Appends the answer to a request of this method.
pub(crate) fn write(
    out: &mut Vec<u8>,
    status: Status,
    method: Method,
    persistence: Persistence,
    body: &[u8],
) {
    out.extend_from_slice(status.head());
    // Writing to a vector does not fail.
    let _ = write!(out, "{}", body.len());
    out.extend_from_slice(match persistence {
        Persistence::Kept => b"\r\n\r\n",
        Persistence::KeptAndSaid => b"\r\nConnection: keep-alive\r\n\r\n",
        Persistence::Closed => b"\r\nConnection: close\r\n\r\n",
    });
    if method != Method::Head {
        out.extend_from_slice(body);
    }
}
