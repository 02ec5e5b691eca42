//! One announce or scrape of a member and what became of it, in a fixed number of bytes, for the member's announce
//! doctor.
//!
//! It holds the address family, but no address.

use crate::announce::Event;
use crate::peer::ClientPrefix;

/// Bytes of one [`Decision`].
pub const DECISION_LEN: usize = 22;

/// One announce or scrape of a member and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Seconds since it was answered.
    pub age: u32,
    /// Id of the torrent's row; 0 where it is not known, and for a scrape of several torrents.
    pub torrent: u32,
    /// The beginning of the client's peer id; zeros where it is not known.
    pub client: ClientPrefix,
    /// IPv4 peers in the answer.
    pub v4: u16,
    /// IPv6 peers in the answer.
    pub v6: u16,
    /// The outcome.
    pub verdict: Verdict,
    /// Over which protocol it came.
    pub protocol: Protocol,
    /// Whether it came from an IPv6 address.
    pub ipv6: bool,
    /// The announced event.
    pub event: Event,
}

/// The protocol of an announce or scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP, also from a proxy that speaks HTTPS with the client.
    Http,
    /// HTTPS with the tracker itself.
    Https,
    /// UDP (BEP 15).
    Udp,
}

/// Every [`Protocol`], by its number.
pub const PROTOCOLS: [Protocol; 3] = [Protocol::Http, Protocol::Https, Protocol::Udp];

/// What became of an announce or scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// An announce was answered with peers.
    Answered,
    /// A scrape was answered with counts.
    Scraped,
    /// The key is the member's, but for another torrent than the one announced.
    OtherTorrent,
    /// The key was the member's until it was reset.
    OldKey,
    /// The site does not have the torrent.
    Unregistered,
    /// The account is disabled.
    Disabled,
    /// The tracker does not allow the client.
    ClientDenied,
    /// The member announces too often.
    TooOften,
    /// The client announced no port that it could listen on.
    Port,
    /// The announce or scrape lacks something, or is malformed.
    Malformed,
    /// The tracker could not check it, as the database was away.
    Unavailable,
    /// The key is not valid: forged, mistyped or cut off. Counted, but not kept for a member.
    WrongKey,
    /// The URL is not that of an announce or scrape. Counted, but not kept for a member.
    Elsewhere,
}

/// Every [`Verdict`], by its number.
pub const VERDICTS: [Verdict; 13] = [
    Verdict::Answered,
    Verdict::Scraped,
    Verdict::OtherTorrent,
    Verdict::OldKey,
    Verdict::Unregistered,
    Verdict::Disabled,
    Verdict::ClientDenied,
    Verdict::TooOften,
    Verdict::Port,
    Verdict::Malformed,
    Verdict::Unavailable,
    Verdict::WrongKey,
    Verdict::Elsewhere,
];

const EVENTS: [Event; 5] = [Event::None, Event::Started, Event::Stopped, Event::Completed, Event::Paused];

const IPV6: u8 = 4;

impl Verdict {
    /// A stable word for tools and graphs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Scraped => "scraped",
            Self::OtherTorrent => "other_torrent",
            Self::OldKey => "old_key",
            Self::Unregistered => "unregistered",
            Self::Disabled => "disabled",
            Self::ClientDenied => "client_denied",
            Self::TooOften => "too_often",
            Self::Port => "port",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::WrongKey => "wrong_key",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// Whether the client got what it asked for.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Answered | Self::Scraped)
    }
}

impl Protocol {
    /// A stable word for tools and graphs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Udp => "udp",
        }
    }
}

/// Protocol, address family and event in one byte: two bits, one, and three.
pub fn pack(protocol: Protocol, ipv6: bool, event: Event) -> u8 {
    let event = match event {
        Event::None => 0,
        Event::Started => 1,
        Event::Stopped => 2,
        Event::Completed => 3,
        Event::Paused => 4,
    };
    protocol as u8 | if ipv6 { IPV6 } else { 0 } | event << 3
}

/// Reads what [`pack`] writes; `None` for other bytes.
pub fn unpack(byte: u8) -> Option<(Protocol, bool, Event)> {
    let protocol = *PROTOCOLS.get(usize::from(byte & 3))?;
    let event = *EVENTS.get(usize::from(byte >> 3))?;
    Some((protocol, byte & IPV6 != 0, event))
}

impl Decision {
    /// `age u32 ‖ torrent u32 ‖ client[8] ‖ v4 u16 ‖ v6 u16 ‖ verdict u8 ‖ how u8`; the verdict is its index in
    /// [`VERDICTS`], and `how` is what [`pack`] writes.
    pub(super) fn encode(&self) -> [u8; DECISION_LEN] {
        let Self { age, torrent, client, v4, v6, verdict, protocol, ipv6, event } = *self;
        let mut bytes = [0; DECISION_LEN];
        bytes[..4].copy_from_slice(&age.to_be_bytes());
        bytes[4..8].copy_from_slice(&torrent.to_be_bytes());
        bytes[8..16].copy_from_slice(&client);
        bytes[16..18].copy_from_slice(&v4.to_be_bytes());
        bytes[18..20].copy_from_slice(&v6.to_be_bytes());
        bytes[20] = verdict as u8;
        bytes[21] = pack(protocol, ipv6, event);
        bytes
    }

    /// Reads what `encode` writes; `None` for other bytes.
    pub(super) fn decode(bytes: &[u8; DECISION_LEN]) -> Option<Self> {
        let (&age, rest) = bytes.split_first_chunk()?;
        let (&torrent, rest) = rest.split_first_chunk()?;
        let (&client, rest) = rest.split_first_chunk()?;
        let (&v4, rest) = rest.split_first_chunk()?;
        let (&v6, rest) = rest.split_first_chunk()?;
        let [verdict, how] = rest else { return None };
        let (protocol, ipv6, event) = unpack(*how)?;
        Some(Self {
            age: u32::from_be_bytes(age),
            torrent: u32::from_be_bytes(torrent),
            client,
            v4: u16::from_be_bytes(v4),
            v6: u16::from_be_bytes(v6),
            verdict: *VERDICTS.get(usize::from(*verdict))?,
            protocol,
            ipv6,
            event,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_listed_under_its_number() {
        for (number, verdict) in VERDICTS.into_iter().enumerate() {
            assert_eq!(verdict as usize, number, "{verdict:?}");
        }
        for (number, protocol) in PROTOCOLS.into_iter().enumerate() {
            assert_eq!(protocol as usize, number, "{protocol:?}");
        }
    }

    #[test]
    fn protocol_family_and_event_fit_one_byte() {
        for protocol in PROTOCOLS {
            for event in EVENTS {
                for ipv6 in [false, true] {
                    assert_eq!(unpack(pack(protocol, ipv6, event)), Some((protocol, ipv6, event)));
                }
            }
        }
        assert_eq!(unpack(3), None);
        assert_eq!(unpack(5 << 3), None);
    }
}
