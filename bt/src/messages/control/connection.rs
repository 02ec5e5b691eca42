//! A connection that the tracker tried to a client, in a fixed number of bytes.

use crate::peer::ClientPrefix;

/// Bytes of one [`Connection`].
pub const CONNECTION_LEN: usize = 15;

const IPV6: u8 = 1;
const REACHABLE: u8 = 2;

/// One TCP connection that the tracker tried to the endpoint of a member's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Seconds since it was tried.
    pub age: u32,
    /// The beginning of the client's peer id.
    pub client: ClientPrefix,
    /// The port that the client announced.
    pub port: u16,
    /// Whether the client's address is IPv6.
    pub ipv6: bool,
    /// Whether the connection was accepted in time.
    pub reachable: bool,
}

impl Connection {
    /// `age u32 ‖ client[8] ‖ port u16 ‖ flags u8`; flags are 1 for IPv6 and 2 for reachable.
    pub(super) fn encode(&self) -> [u8; CONNECTION_LEN] {
        let Self { age, client, port, ipv6, reachable } = *self;
        let flags = if ipv6 { IPV6 } else { 0 } | if reachable { REACHABLE } else { 0 };
        let mut bytes = [0; CONNECTION_LEN];
        bytes[..4].copy_from_slice(&age.to_be_bytes());
        bytes[4..12].copy_from_slice(&client);
        bytes[12..14].copy_from_slice(&port.to_be_bytes());
        bytes[14] = flags;
        bytes
    }

    /// Reads what `encode` writes; `None` for unknown flags.
    pub(super) fn decode(bytes: &[u8; CONNECTION_LEN]) -> Option<Self> {
        let (&age, rest) = bytes.split_first_chunk()?;
        let (&client, rest) = rest.split_first_chunk()?;
        let (&port, rest) = rest.split_first_chunk()?;
        let [flags] = rest else { return None };
        (flags & !(IPV6 | REACHABLE) == 0).then(|| Self {
            age: u32::from_be_bytes(age),
            client,
            port: u16::from_be_bytes(port),
            ipv6: flags & IPV6 != 0,
            reachable: flags & REACHABLE != 0,
        })
    }
}
