//! Endpoints as trackers and clients write them in few bytes: compact peers (BEP 7, BEP 23).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// Bytes of an IPv4 endpoint on the wire: address, then port, big-endian (BEP 23).
pub const V4_LEN: usize = 6;

/// Bytes of an IPv6 endpoint on the wire (BEP 7).
pub const V6_LEN: usize = 18;

/// Address and port of an IPv4 endpoint, big-endian (BEP 23).
pub fn write_v4(endpoint: SocketAddrV4) -> [u8; V4_LEN] {
    let mut wire = [0; V4_LEN];
    wire[..4].copy_from_slice(&endpoint.ip().octets());
    wire[4..].copy_from_slice(&endpoint.port().to_be_bytes());
    wire
}

/// The inverse of [`write_v4`].
pub fn read_v4(wire: [u8; V4_LEN]) -> SocketAddrV4 {
    let [a, b, c, d, port @ ..] = wire;
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes(port))
}

/// Address and port of an IPv6 endpoint, big-endian (BEP 7). Flow label and scope are dropped.
pub fn write_v6(endpoint: SocketAddrV6) -> [u8; V6_LEN] {
    let mut wire = [0; V6_LEN];
    wire[..16].copy_from_slice(&endpoint.ip().octets());
    wire[16..].copy_from_slice(&endpoint.port().to_be_bytes());
    wire
}

/// The inverse of [`write_v6`].
pub fn read_v6(wire: &[u8; V6_LEN]) -> SocketAddrV6 {
    let mut ip = [0; 16];
    ip.copy_from_slice(&wire[..16]);
    SocketAddrV6::new(Ipv6Addr::from(ip), u16::from_be_bytes([wire[16], wire[17]]), 0, 0)
}
