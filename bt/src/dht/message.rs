//! KRPC, the messages of DHT nodes: one bencoded dictionary in one UDP datagram (BEP 5), with the fields of BEP 32
//! (IPv6), 33 (scrape), 42 (the asker's endpoint), 43 (read-only nodes) and 51 (samples).
//!
//! A message that is read borrows from its datagram. A message that is written has its keys sorted as raw bytes, since
//! Transmission finds fields by searching for bytes such as `1:y1:q`, and at most [`MAX_LEN`] bytes.

mod node;
mod read;
mod values;
mod write;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

pub use node::{NODE_V4_LEN, NODE_V6_LEN, Node, write_node_v4, write_node_v6};
pub use read::ReadError;
pub use values::Values;
pub use write::TooLong;

use super::node_id::NodeId;
use crate::InfoHash;

/// Bytes of a datagram that is written, at most (BEP 32). Longer ones are read: libtorrent sends 1,119.
pub const MAX_LEN: usize = 1024;

/// Bytes of a transaction that is read, at most, as in rTorrent.
pub const MAX_TRANSACTION_LEN: usize = 20;

/// Bytes of one of the Bloom filters of BEP 33.
pub const FILTER_LEN: usize = 256;

/// One datagram. Equal messages say the same, whatever the order of their keys was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// `t`, chosen by the asker, at most [`MAX_TRANSACTION_LEN`] bytes. The answer must repeat every byte of it.
    pub transaction: &'a [u8],
    /// `v`: by convention two letters of the client and two bytes of its version (BEP 5). Not verified, any length.
    pub version: Option<&'a [u8]>,
    /// `ro`: the asker cannot be reached and must not be put into a routing table (BEP 43). For queries only.
    pub read_only: bool,
    /// `ip` of replies and errors: the asker's endpoint as the answering node sees it (BEP 42). An IPv4-mapped address
    /// stands here as IPv4.
    pub asker: Option<SocketAddr>,
    /// What the datagram is, by `y`.
    pub body: Body<'a>,
}

impl<'a> Message<'a> {
    /// A message without `v`, `ro` and `ip`.
    pub fn new(transaction: &'a [u8], body: Body<'a>) -> Self {
        Self { transaction, version: None, read_only: false, asker: None, body }
    }
}

/// The three kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// `y` is `q`.
    Query(Query<'a>),
    /// `y` is `r`.
    Reply(Reply<'a>),
    /// `y` is `e`. libtorrent's errors carry an `r` too, which is ignored.
    Error(ErrorReply<'a>),
}

/// A question of another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// The asker's node id.
    pub id: NodeId,
    /// What it asks.
    pub method: Method<'a>,
}

/// What a query asks, with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'a> {
    /// `ping`: is the node there? (BEP 5)
    Ping,
    /// `find_node`: the nodes closest to `target` (BEP 5).
    FindNode {
        /// A node id.
        target: NodeId,
        /// Which node lists to send.
        want: Option<Want>,
    },
    /// `get_peers`: the peers of a torrent, and a token for an announce (BEP 5, 33).
    GetPeers {
        /// The torrent.
        info_hash: InfoHash,
        /// `noseed`: `values` should leave seeds out (BEP 33).
        no_seeds: bool,
        /// `scrape`: Bloom filters are asked for, which libtorrent then sends in place of `values` (BEP 33).
        scrape: bool,
        /// Which node lists to send.
        want: Option<Want>,
    },
    /// `announce_peer`: the asker takes part in a torrent (BEP 5, 33).
    AnnouncePeer {
        /// The torrent.
        info_hash: InfoHash,
        /// The peer's port. It is 0 only with `implied_port`.
        port: u16,
        /// The peer's port is the datagram's source port, and `port` is ignored.
        implied_port: bool,
        /// The peer lacks nothing (BEP 33).
        seed: bool,
        /// The token of an earlier reply to `get_peers`, not verified.
        token: &'a [u8],
    },
    /// `sample_infohashes`: some of the info hashes that the node stores peers of (BEP 51).
    SampleInfohashes {
        /// The reply's nodes are the closest to this id.
        target: NodeId,
        /// Which node lists to send.
        want: Option<Want>,
    },
    /// Any other query. With a target it is answered as `find_node` is, without one with
    /// [`ErrorReply::METHOD_UNKNOWN`].
    Unknown {
        /// `q` as it came.
        name: &'a [u8],
        /// The argument `target`, or `info_hash` if there is no `target`. It is written as `target`.
        target: Option<NodeId>,
        /// Which node lists to send.
        want: Option<Want>,
    },
}

/// `want`: which node lists the reply should have (BEP 32). Without it the family of the packet decides. A list that
/// names neither `n4` nor `n6` counts as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// `n4`: `nodes`.
    V4,
    /// `n6`: `nodes6`.
    V6,
    /// Both.
    Both,
}

/// An answer to a query. Which fields it has depends on the query.
// Lengths are literals: rustc 1.95 ends with an internal error when a closure captures a field whose length is a
// constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The answering node's id.
    pub id: NodeId,
    /// Close nodes over IPv4, [`NODE_V4_LEN`] bytes each; [`Self::v4_nodes`] reads them.
    pub nodes: Option<&'a [[u8; 26]]>,
    /// Close nodes over IPv6, [`NODE_V6_LEN`] bytes each (BEP 32); [`Self::v6_nodes`] reads them.
    pub nodes6: Option<&'a [[u8; 38]]>,
    /// Proves in an announce that the asker receives at its address. A node that takes no announces sends none.
    pub token: Option<&'a [u8]>,
    /// Peers of the torrent; may be there and empty.
    pub values: Option<Values<'a>>,
    /// `BFsd`: Bloom filter of the addresses of seeds, [`FILTER_LEN`] bytes (BEP 33).
    pub seeds_filter: Option<&'a [u8; 256]>,
    /// `BFpe`: Bloom filter of the addresses of all other peers (BEP 33).
    pub peers_filter: Option<&'a [u8; 256]>,
    /// Info hashes that the node stores peers of (BEP 51); may be there and empty.
    pub samples: Option<&'a [[u8; 20]]>,
    /// How many info hashes the node stores, as it says (BEP 51).
    pub num: Option<u32>,
    /// Seconds until the node gives other samples, 0 to 21,600 by BEP 51; any number is read.
    pub interval: Option<u32>,
    /// `p`: the asker's port as libtorrent sees it.
    pub port: Option<u16>,
}

impl<'a> Reply<'a> {
    /// A reply with an id alone, as to a ping.
    pub fn new(id: NodeId) -> Self {
        Self {
            id,
            nodes: None,
            nodes6: None,
            token: None,
            values: None,
            seeds_filter: None,
            peers_filter: None,
            samples: None,
            num: None,
            interval: None,
            port: None,
        }
    }

    /// The nodes of `nodes` whose port is not 0.
    pub fn v4_nodes(&self) -> impl Iterator<Item = Node> + use<'a> {
        self.nodes.unwrap_or_default().iter().filter_map(Node::read_v4)
    }

    /// The nodes of `nodes6` whose port is not 0.
    pub fn v6_nodes(&self) -> impl Iterator<Item = Node> + use<'a> {
        self.nodes6.unwrap_or_default().iter().filter_map(Node::read_v6)
    }

    /// The info hashes of `samples`.
    pub fn samples(&self) -> impl Iterator<Item = InfoHash> + use<'a> {
        self.samples.unwrap_or_default().iter().copied().map(InfoHash::from)
    }
}

/// A refusal of a query: `e`, a list of code and text (BEP 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorReply<'a> {
    /// 201 to 204 by BEP 5; 0 if the error names none.
    pub code: u32,
    /// A sentence for whoever debugs the asker, of unverified bytes; empty if the error has none.
    pub text: &'a [u8],
}

impl ErrorReply<'_> {
    /// An error that no other code names.
    pub const GENERIC: u32 = 201;
    /// The node cannot answer at present.
    pub const SERVER: u32 = 202;
    /// A malformed packet, invalid arguments or a bad token.
    pub const PROTOCOL: u32 = 203;
    /// The node does not know the query.
    pub const METHOD_UNKNOWN: u32 = 204;
}
