//! One peer as staff see it, and the names of clients.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// The 20 bytes that a client chose for itself at its start (BEP 3, BEP 20).
pub type PeerId = [u8; 20];

/// The first 8 bytes of a peer id: by convention client and version, `-qB5040-` (BEP 20).
pub type ClientPrefix = [u8; 8];

/// The part of a peer id that names client and version.
pub fn client_prefix(peer_id: &PeerId) -> ClientPrefix {
    let mut prefix = ClientPrefix::default();
    prefix.copy_from_slice(&peer_id[..8]);
    prefix
}

/// A peer's role in its swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// Has everything.
    Seeder,
    /// Lacks something and fetches it.
    Leecher,
    /// Lacks something and fetches nothing (`event=paused`, BEP 21). Counts as a leecher.
    PartialSeed,
}

/// One peer of one swarm at one moment.
///
/// It holds addresses: staff may see it, logs may not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Id of the member.
    pub member: u32,
    /// The beginning of the client's peer id.
    pub client: ClientPrefix,
    /// Where it listens for IPv4, if it announced over IPv4.
    pub v4: Option<SocketAddrV4>,
    /// Where it listens for IPv6, if it announced over IPv6.
    pub v6: Option<SocketAddrV6>,
    /// Bytes sent in this session, as announced.
    pub uploaded: u64,
    /// Bytes received in this session, as announced.
    pub downloaded: u64,
    /// Bytes it lacks, as announced.
    pub left: u64,
    /// Its role.
    pub state: PeerState,
    /// Seconds since its last announce.
    pub idle: u32,
}

/// The endpoint with an IPv4-mapped address (`::ffff:a.b.c.d`) turned into the IPv4 address `a.b.c.d`.
pub(crate) fn unmapped(endpoint: SocketAddr) -> SocketAddr {
    match endpoint {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::V4(SocketAddrV4::new(ip, v6.port())),
            None => endpoint,
        },
        SocketAddr::V4(_) => endpoint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_prefix_is_the_first_eight_bytes_of_a_peer_id() {
        assert_eq!(client_prefix(b"-qB5050-abcdefghijkl"), *b"-qB5050-");
    }
}
