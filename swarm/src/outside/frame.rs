//! An Ethernet frame, in words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::network::HardwareAddress;

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

const ICMP: u8 = 1;
const IGMP: u8 = 2;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Describes an Ethernet frame for the log if a client sent it to the interface with the address `own`. `None` for frames
/// to other addresses (a bridge floods them), for frames that `own` sent, and for what every kernel sends without being
/// asked: ARP, neighbour discovery, multicast memberships.
pub(super) fn describe(frame: &[u8], own: HardwareAddress) -> Option<String> {
    let (to, rest) = frame.split_first_chunk::<6>()?;
    let (from, rest) = rest.split_first_chunk::<6>()?;
    let (kind, payload) = rest.split_first_chunk::<2>()?;
    let is_for_many = to[0] & 1 == 1;
    if *from == own.0 || (*to != own.0 && !is_for_many) {
        return None;
    }
    let packet = match u16::from_be_bytes(*kind) {
        ARP => return None,
        IPV4 => Packet::v4(payload),
        IPV6 => Packet::v6(payload),
        other => {
            return Some(format!(
                "Ethernet type {other:#06x} {} → {}",
                HardwareAddress(*from),
                HardwareAddress(*to)
            ));
        }
    };
    let Some(packet) = packet else {
        return Some(format!("a broken packet of {}", HardwareAddress(*from)));
    };
    (!packet.is_from_kernel()).then(|| packet.to_string())
}

/// An IP packet.
struct Packet<'a> {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    fn v4(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk::<20>()?;
        let [from, to] =
            [12, 16].map(|at| header.get(at..at + 4).and_then(|it| <[u8; 4]>::try_from(it).ok()));
        Some(Self {
            from: Ipv4Addr::from(from?).into(),
            to: Ipv4Addr::from(to?).into(),
            protocol: header[9],
            payload: bytes.get(usize::from(header[0] & 15) * 4..)?,
        })
    }

    fn v6(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut payload) = bytes.split_first_chunk::<40>()?;
        let [from, to] =
            [8, 24].map(|at| header.get(at..at + 16).and_then(|it| <[u8; 16]>::try_from(it).ok()));
        let mut protocol = header[6];
        // Extension headers (RFC 8200): hop-by-hop options, routing, destination options.
        while let 0 | 43 | 60 = protocol {
            let (next, length) = (*payload.first()?, usize::from(*payload.get(1)?));
            payload = payload.get((length + 1) * 8..)?;
            protocol = next;
        }
        Some(Self { from: Ipv6Addr::from(from?).into(), to: Ipv6Addr::from(to?).into(), protocol, payload })
    }

    /// Whether kernels send it by themselves: multicast memberships (IGMP; RFC 2710 and 3810), discovery of routers and
    /// neighbours (RFC 4861).
    fn is_from_kernel(&self) -> bool {
        match self.protocol {
            IGMP => self.from.is_ipv4(),
            ICMPV6 => matches!(self.payload.first(), Some(130..=137 | 143)),
            _ => false,
        }
    }

    fn ports(&self) -> Option<(u16, u16)> {
        let [a, b, c, d] = *self.payload.first_chunk::<4>()?;
        Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }
}

impl std::fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to, .. } = *self;
        match (self.protocol, self.ports()) {
            (protocol @ (TCP | UDP), Some((source, target))) => {
                let name = if protocol == TCP { "TCP" } else { "UDP" };
                write!(f, "{name} {} → {}", SocketAddr::new(from, source), SocketAddr::new(to, target))
            }
            (ICMP, _) => write!(f, "ICMP {from} → {to}"),
            (ICMPV6, _) => write!(f, "ICMPv6 {from} → {to}"),
            (protocol, _) => write!(f, "IP protocol {protocol} {from} → {to}"),
        }
    }
}
