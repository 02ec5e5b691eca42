//! Internals made public for the fuzz targets. Nothing else may use them.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::http_request::{Persistence, Reading, read};

/// The header of an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Path and query.
    pub target: &'a [u8],
    /// The client's address.
    pub client: IpAddr,
    /// Whether the connection stays open.
    pub kept: bool,
    /// Length of the header in bytes.
    pub length: usize,
}

/// The bytes are no request, or have too many headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// Reads the header at the beginning of `input`; `None` while it is incomplete.
///
/// # Errors
/// When no further bytes make it a request.
pub fn read_header<'a>(
    input: &'a [u8],
    peer: IpAddr,
    trusted: &[IpNet],
) -> Result<Option<Header<'a>>, Refused> {
    match read(input, peer, trusted) {
        Reading::Whole(request) => Ok(Some(Header {
            target: request.target,
            client: request.client,
            kept: request.persistence != Persistence::Closed,
            length: request.length,
        })),
        Reading::Partial => Ok(None),
        Reading::Malformed | Reading::TooMany => Err(Refused),
    }
}
