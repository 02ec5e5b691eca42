//! Reads the answer to an announce, as a client does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;
use serde_bytes::ByteBuf;

use crate::announce::Retry;
use crate::bencode;
use crate::compact::{V4_LEN, V6_LEN, read_v4, read_v6};
use crate::peer::PeerId;

/// Limits for an answer: a tracker is not trusted either.
const LIMITS: bencode::Limits = bencode::Limits { depth: 8, tokens: 100_000 };

/// What a tracker answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Counts and peers.
    Peers(Peers),
    /// The announce is refused.
    Failure {
        /// The tracker's sentence.
        reason: String,
        /// When to try again (BEP 31).
        retry: Retry,
    },
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peers {
    /// Seeders, if the answer says it.
    pub complete: Option<u32>,
    /// Snatches, if the answer says it.
    pub downloaded: Option<u32>,
    /// The client's address as the tracker sees it (BEP 24).
    pub external_ip: Option<IpAddr>,
    /// Leechers, if the answer says it.
    pub incomplete: Option<u32>,
    /// Seconds until the next announce.
    pub interval: u32,
    /// Seconds before which no other announce may come.
    pub min_interval: Option<u32>,
    /// Endpoints of both families, with the peer id where the answer has it.
    pub peers: Vec<(SocketAddr, Option<PeerId>)>,
    /// A sentence for the member.
    pub warning: Option<String>,
}

/// Why bytes are not an answer of a tracker.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The answer is not bencoded, or nested too deeply, or too large.
    #[error("the tracker's answer is not bencoding: {0}")]
    Bencode(#[from] bencode::Error),
    /// A value is not of the type that its key demands.
    #[error("the tracker's answer has an unexpected form: {0}")]
    Form(#[from] serde_bencode::Error),
    /// The length of compact peers is not a multiple of an endpoint's.
    #[error("the tracker's answer has a list of peers that breaks off")]
    Peers,
}

/// Reads the body of an answer, compact or not.
pub fn decode(body: &[u8]) -> Result<Reply, DecodeError> {
    // serde_bencode recurses: the check keeps deep nesting from it.
    bencode::check(body, &LIMITS)?;
    let wire: Wire = serde_bencode::from_bytes(body)?;
    if let Some(reason) = wire.failure_reason {
        let retry = match wire.retry_in {
            Some(WireRetry::Minutes(minutes)) => Retry::Minutes(minutes),
            Some(WireRetry::Word(word)) if word == b"never" => Retry::Never,
            _ => Retry::Unsaid,
        };
        return Ok(Reply::Failure { reason: text(&reason), retry });
    }
    let mut peers = Vec::new();
    match wire.peers {
        Some(WirePeers::Compact(bytes)) => {
            let (v4, []) = bytes.as_chunks::<V4_LEN>() else { return Err(DecodeError::Peers) };
            peers.extend(v4.iter().map(|wire| (SocketAddr::V4(read_v4(*wire)), None)));
        }
        Some(WirePeers::List(list)) => peers.extend(list.into_iter().filter_map(WirePeer::read)),
        None => {}
    }
    if let Some(bytes) = wire.peers6 {
        let (v6, []) = bytes.as_chunks::<V6_LEN>() else { return Err(DecodeError::Peers) };
        peers.extend(v6.iter().map(|wire| (SocketAddr::V6(read_v6(wire)), None)));
    }
    Ok(Reply::Peers(Peers {
        complete: wire.complete,
        downloaded: wire.downloaded,
        external_ip: wire.external_ip.and_then(|bytes| address(&bytes)),
        incomplete: wire.incomplete,
        interval: wire.interval.unwrap_or(0),
        min_interval: wire.min_interval,
        peers,
        warning: wire.warning_message.map(|bytes| text(&bytes)),
    }))
}

#[derive(Deserialize)]
struct Wire {
    complete: Option<u32>,
    downloaded: Option<u32>,
    #[serde(rename = "external ip")]
    external_ip: Option<ByteBuf>,
    #[serde(rename = "failure reason")]
    failure_reason: Option<ByteBuf>,
    incomplete: Option<u32>,
    interval: Option<u32>,
    #[serde(rename = "min interval")]
    min_interval: Option<u32>,
    peers: Option<WirePeers>,
    peers6: Option<ByteBuf>,
    #[serde(rename = "retry in")]
    retry_in: Option<WireRetry>,
    #[serde(rename = "warning message")]
    warning_message: Option<ByteBuf>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WirePeers {
    Compact(ByteBuf),
    List(Vec<WirePeer>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireRetry {
    Minutes(u32),
    Word(ByteBuf),
}

#[derive(Deserialize)]
struct WirePeer {
    ip: ByteBuf,
    #[serde(rename = "peer id")]
    peer_id: Option<ByteBuf>,
    port: u16,
}

impl WirePeer {
    /// A peer given by a host name (BEP 3 allows it) is left out.
    fn read(self) -> Option<(SocketAddr, Option<PeerId>)> {
        let ip: IpAddr = std::str::from_utf8(&self.ip).ok()?.parse().ok()?;
        let id = self.peer_id.and_then(|id| PeerId::try_from(id.into_vec()).ok());
        Some((SocketAddr::new(ip, self.port), id))
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match *bytes {
        [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
