//! Compact nodes: a node id, then a compact endpoint (BEP 5, BEP 32).

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::bytes::take;
use crate::compact::{V4_LEN, V6_LEN, read_v4, read_v6, write_v4, write_v6};
use crate::dht::node_id::NodeId;

/// Bytes of a node with an IPv4 endpoint (BEP 5).
pub const NODE_V4_LEN: usize = 20 + V4_LEN;

/// Bytes of a node with an IPv6 endpoint (BEP 32).
pub const NODE_V6_LEN: usize = 20 + V6_LEN;

/// A node as others name it. Neither the id nor the endpoint is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Where it listens, as it was named: perhaps a martian, never port 0.
    pub endpoint: SocketAddr,
}

impl Node {
    /// Reads a node of `nodes`; `None` for port 0.
    pub fn read_v4(wire: &[u8; NODE_V4_LEN]) -> Option<Self> {
        let mut rest = &wire[..];
        Self::checked(take(&mut rest)?, read_v4(take(&mut rest)?).into())
    }

    /// Reads a node of `nodes6`; `None` for port 0.
    pub fn read_v6(wire: &[u8; NODE_V6_LEN]) -> Option<Self> {
        let mut rest = &wire[..];
        Self::checked(take(&mut rest)?, read_v6(&take(&mut rest)?).into())
    }

    fn checked(id: [u8; 20], endpoint: SocketAddr) -> Option<Self> {
        (endpoint.port() != 0).then(|| Self { id: id.into(), endpoint })
    }
}

/// A node for `nodes`: the inverse of [`Node::read_v4`].
pub fn write_node_v4(id: &NodeId, endpoint: SocketAddrV4) -> [u8; NODE_V4_LEN] {
    let mut wire = [0; NODE_V4_LEN];
    wire[..20].copy_from_slice(id.as_bytes());
    wire[20..].copy_from_slice(&write_v4(endpoint));
    wire
}

/// A node for `nodes6`: the inverse of [`Node::read_v6`].
pub fn write_node_v6(id: &NodeId, endpoint: SocketAddrV6) -> [u8; NODE_V6_LEN] {
    let mut wire = [0; NODE_V6_LEN];
    wire[..20].copy_from_slice(id.as_bytes());
    wire[20..].copy_from_slice(&write_v6(endpoint));
    wire
}
