//! What a swarm is told of an announce, and by which rules it applies it.

use std::net::SocketAddr;

use crate::announce::Event;
use crate::peer::ClientPrefix;

/// One announce, as the swarm needs it.
#[derive(Debug, Clone, Copy)]
pub struct Announcement {
    /// Id of the member who announces.
    pub member: u32,
    /// The client, by [`super::IdentityKey::identity`] of its peer id. (`member`, `identity`) is one peer, whatever its
    /// addresses.
    pub identity: u32,
    /// The beginning of the client's peer id.
    pub client: ClientPrefix,
    /// Where the peer listens, in the family it announced over; the other family's endpoint is kept (BEP 7).
    pub endpoint: SocketAddr,
    /// Bytes sent in this session.
    pub uploaded: u64,
    /// Bytes received in this session.
    pub downloaded: u64,
    /// Bytes lacking; `None` leaves a known peer as it was and makes an unknown one a leecher.
    pub left: Option<u64>,
    /// The announced event.
    pub event: Event,
    /// Peers to give, both families together, with the caller's limit applied.
    pub numwant: u32,
}

/// Limits for the peers of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Peers of one member in one swarm, up to 128. One more replaces the peer that was silent for longest.
    pub peers_per_member: u32,
    /// Bytes a second that a peer can move in either direction. What it claims beyond that does not count.
    pub bytes_per_second: u64,
}

impl Default for Rules {
    /// Ten peers and 10 Gbit/s.
    fn default() -> Self {
        Self { peers_per_member: 10, bytes_per_second: 1_250_000_000 }
    }
}
