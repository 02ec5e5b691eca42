//! Announces and scrapes over UDP, written and read (BEP 15), with the path of the announce URL as an option (BEP 41).
//!
//! All numbers are big-endian. Nothing is kept between datagrams: [`ConnectionIds`] checks that a client receives what
//! is sent to its address.

mod announce;
mod connection_ids;
mod options;
mod reply;
mod scrape;

#[cfg(test)]
mod tests;

pub use announce::Announce;
pub use connection_ids::ConnectionIds;
pub use reply::Reply;
pub use scrape::Scrape;

/// The connection id of a request for a connection id.
const PROTOCOL: u64 = 0x0417_2710_1980;

/// Bytes of an answer at most, except to scrapes, so that it is never fragmented: every IPv6 link carries packets of
/// 1280 bytes (RFC 8200), of which 48 are headers.
pub const MAX_REPLY: usize = 1232;

const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;
const ERROR: u32 = 3;

/// Why a request with a valid connection id is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields of BEP 15 are missing.
    #[error("The announce is shorter than the 98 bytes of BEP 15")]
    Short,
    /// An option ends beyond the datagram.
    #[error("An option of the request is cut off; see BEP 41")]
    Options,
    /// The announce is refused as over HTTP.
    #[error(transparent)]
    Announce(#[from] crate::announce::Error),
    /// The scrape is refused as over HTTP.
    #[error(transparent)]
    Scrape(#[from] crate::scrape::Error),
}

/// What a datagram asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// A connection id.
    Connect,
    /// An announce; read its bytes with [`Announce::read`].
    Announce(&'a [u8]),
    /// A scrape; read its bytes with [`Scrape::read`].
    Scrape(&'a [u8]),
}

/// A datagram of a client. Its connection id must be checked first: until then the sender's address may be forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The connection id, from [`ConnectionIds::issue`]; without meaning in [`Action::Connect`].
    pub connection: u64,
    /// Chosen by the client; the answer repeats it.
    pub transaction: u32,
    /// What it asks for.
    pub action: Action<'a>,
}

impl<'a> Request<'a> {
    /// Reads a datagram; `None` for bytes that are not BEP 15 and get no answer.
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let (&connection, rest) = datagram.split_first_chunk()?;
        let (&action, rest) = rest.split_first_chunk()?;
        let (&transaction, body) = rest.split_first_chunk()?;
        let connection = u64::from_be_bytes(connection);
        let action = match u32::from_be_bytes(action) {
            CONNECT if connection == PROTOCOL => Action::Connect,
            ANNOUNCE => Action::Announce(body),
            SCRAPE => Action::Scrape(body),
            _ => return None,
        };
        Some(Self { connection, transaction: u32::from_be_bytes(transaction), action })
    }

    /// Appends the datagram that asks for a connection id.
    pub fn write_connect(transaction: u32, out: &mut Vec<u8>) {
        write_header(PROTOCOL, CONNECT, transaction, out);
    }
}

fn write_header(connection: u64, action: u32, transaction: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&connection.to_be_bytes());
    out.extend_from_slice(&action.to_be_bytes());
    out.extend_from_slice(&transaction.to_be_bytes());
}
