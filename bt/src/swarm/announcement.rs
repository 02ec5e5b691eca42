//! What a swarm is told of an announce, and by which rules it applies it.

use std::net::SocketAddr;

use crate::announce::Event;
use crate::peer::ClientPrefix;

/// One announce, as the swarm needs it.
#[derive(Debug, Clone, Copy)]
pub struct Announcement {
    /// Who announces.
    pub member: u32,
    /// With which client, as [`super::IdentityKey::identity`] says. (`member`, `identity`) is one peer, over however many
    /// addresses.
    pub identity: u32,
    /// The beginning of the client's own id.
    pub client: ClientPrefix,
    /// Where the peer listens, in the family it announced over; the other family's endpoint is kept (BEP 7).
    pub endpoint: SocketAddr,
    /// Bytes sent in this session.
    pub uploaded: u64,
    /// Bytes received in this session.
    pub downloaded: u64,
    /// Bytes lacking; `None` leaves a known peer as it was and makes an unknown one a leecher.
    pub left: Option<u64>,
    /// What has happened.
    pub event: Event,
    /// Peers to give, both families together; the caller has applied its cap.
    pub numwant: u32,
}

/// What a swarm allows a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Peers of one member in one swarm, up to 128; one more takes the place of the one that was silent for longest.
    pub peers_per_member: u32,
    /// Bytes a second that a peer can move in either direction; what it claims beyond does not count.
    pub bytes_per_second: u64,
}

impl Default for Rules {
    /// Ten peers and 10 Gbit/s.
    fn default() -> Self {
        Self { peers_per_member: 10, bytes_per_second: 1_250_000_000 }
    }
}
