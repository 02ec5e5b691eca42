//! Writes the answer to an announce into a buffer of the caller's.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::bencode::writer::{integer, string};
use crate::compact::{V4_LEN, V6_LEN, read_v4, read_v6};
use crate::swarm::PeerBuffer;

/// How the peers of an answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerList {
    /// Two strings, 6 bytes a peer in `peers` (BEP 23) and 18 in `peers6` (BEP 7).
    Compact,
    /// One list of dictionaries with `ip` and `port` for both families (BEP 3). The swarm keeps no peer ids: every
    /// client is answered as if it had said `no_peer_id=1`.
    Dictionaries,
}

impl PeerList {
    /// Chooses the list's form: dictionaries for clients that send `compact=0`, 6 or 18 bytes a peer for all others.
    pub fn choose(compact: bool) -> Self {
        if compact { Self::Compact } else { Self::Dictionaries }
    }
}

/// A successful answer.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// Seeders.
    pub complete: u32,
    /// Snatches so far.
    pub downloaded: u32,
    /// The client's address as the tracker sees it (BEP 24).
    pub external_ip: Option<IpAddr>,
    /// Leechers, partial seeds among them.
    pub incomplete: u32,
    /// Seconds until the next announce.
    pub interval: u32,
    /// Seconds before which no other announce may come.
    pub min_interval: u32,
    /// Other peers.
    pub peers: &'a PeerBuffer,
    /// The form in which peers are written.
    pub list: PeerList,
    /// A sentence for the member, shown by clients.
    pub warning: Option<&'a str>,
}

impl Response<'_> {
    /// Appends the bencoded answer, keys sorted.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(192 + self.peers.v4().len() + self.peers.v6().len());
        out.extend_from_slice(b"d8:complete");
        integer(out, self.complete.into());
        out.extend_from_slice(b"10:downloaded");
        integer(out, self.downloaded.into());
        match self.external_ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => {
                out.extend_from_slice(b"11:external ip4:");
                out.extend_from_slice(&ip.octets());
            }
            Some(IpAddr::V6(ip)) => {
                out.extend_from_slice(b"11:external ip16:");
                out.extend_from_slice(&ip.octets());
            }
            None => {}
        }
        out.extend_from_slice(b"10:incomplete");
        integer(out, self.incomplete.into());
        out.extend_from_slice(b"8:interval");
        integer(out, self.interval.into());
        out.extend_from_slice(b"12:min interval");
        integer(out, self.min_interval.into());
        out.extend_from_slice(b"5:peers");
        match self.list {
            PeerList::Compact => {
                string(out, self.peers.v4());
                out.extend_from_slice(b"6:peers6");
                string(out, self.peers.v6());
            }
            PeerList::Dictionaries => self.write_dictionaries(out),
        }
        if let Some(warning) = self.warning {
            out.extend_from_slice(b"15:warning message");
            string(out, warning.as_bytes());
        }
        out.push(b'e');
    }

    fn write_dictionaries(&self, out: &mut Vec<u8>) {
        let (v4, _) = self.peers.v4().as_chunks::<V4_LEN>();
        let (v6, _) = self.peers.v6().as_chunks::<V6_LEN>();
        let endpoints = v4
            .iter()
            .map(|wire| SocketAddr::V4(read_v4(*wire)))
            .chain(v6.iter().map(|wire| SocketAddr::V6(read_v6(wire))));
        let mut text = [0; 48];
        out.push(b'l');
        for endpoint in endpoints {
            let mut rest = &mut text[..];
            // An IPv6 address is at most 39 characters.
            let _ = write!(rest, "{}", endpoint.ip());
            let unused = rest.len();
            out.extend_from_slice(b"d2:ip");
            string(out, &text[..48 - unused]);
            out.extend_from_slice(b"4:port");
            integer(out, endpoint.port().into());
            out.push(b'e');
        }
        out.push(b'e');
    }
}

/// When a refused client may try again (BEP 31).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not said: the client decides.
    Unsaid,
    /// After this number of minutes.
    Minutes(u32),
    /// Never: the same announce will always be refused.
    Never,
}

/// A refusal of an announce or scrape. It is sent with HTTP status 200, as clients ignore the body of any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// A sentence that the member can act on.
    pub reason: &'a str,
    /// When to try again.
    pub retry: Retry,
}

impl Failure<'_> {
    /// Appends the bencoded refusal.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"d14:failure reason");
        string(out, self.reason.as_bytes());
        match self.retry {
            Retry::Unsaid => {}
            Retry::Minutes(minutes) => {
                out.extend_from_slice(b"8:retry in");
                integer(out, minutes.into());
            }
            Retry::Never => out.extend_from_slice(b"8:retry in5:never"),
        }
        out.push(b'e');
    }
}
