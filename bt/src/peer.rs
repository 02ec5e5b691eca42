//! What the tracker knows about one peer, as staff see it and as it travels to the webapi.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::swarm::ClientPrefix;

/// The 20 bytes that a client chose for itself at its start (BEP 3, BEP 20).
pub type PeerId = [u8; 20];

/// Bytes of an IPv4 endpoint on the wire: address, then port, big-endian (BEP 23).
pub const V4_LEN: usize = 6;

/// Bytes of an IPv6 endpoint on the wire (BEP 7).
pub const V6_LEN: usize = 18;

/// What a peer does in its swarm.
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
/// It holds addresses: show it to staff, never log it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Id of the member that announces.
    pub member: u32,
    /// The beginning of the client's own id.
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
    /// What it does.
    pub state: PeerState,
    /// Seconds since its last announce.
    pub idle: u32,
}

/// The address as the kernel's other family would show it: `::ffff:a.b.c.d` is the IPv4 address `a.b.c.d`.
pub(crate) fn unmapped(endpoint: SocketAddr) -> SocketAddr {
    match endpoint {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::V4(SocketAddrV4::new(ip, v6.port())),
            None => endpoint,
        },
        SocketAddr::V4(_) => endpoint,
    }
}

pub(crate) fn write_v4(endpoint: SocketAddrV4) -> [u8; V4_LEN] {
    let mut wire = [0; V4_LEN];
    wire[..4].copy_from_slice(&endpoint.ip().octets());
    wire[4..].copy_from_slice(&endpoint.port().to_be_bytes());
    wire
}

pub(crate) fn read_v4(wire: [u8; V4_LEN]) -> SocketAddrV4 {
    let [a, b, c, d, port @ ..] = wire;
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes(port))
}

pub(crate) fn write_v6(endpoint: SocketAddrV6) -> [u8; V6_LEN] {
    let mut wire = [0; V6_LEN];
    wire[..16].copy_from_slice(&endpoint.ip().octets());
    wire[16..].copy_from_slice(&endpoint.port().to_be_bytes());
    wire
}

pub(crate) fn read_v6(wire: &[u8; V6_LEN]) -> SocketAddrV6 {
    let mut ip = [0; 16];
    ip.copy_from_slice(&wire[..16]);
    SocketAddrV6::new(Ipv6Addr::from(ip), u16::from_be_bytes([wire[16], wire[17]]), 0, 0)
}
