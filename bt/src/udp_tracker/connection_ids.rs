//! Connection ids, which prove that a client receives at its address, without a table of clients.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

/// Seconds of a time slot, in which an address always gets the same id.
const SLOT: u32 = 30;

/// Time slots after its own in which an id is accepted. Clients use an id for a minute after they received it, and
/// trackers must accept it for two minutes after they sent it (BEP 15).
const MAX_AGE: u32 = 4;

/// Makes and checks connection ids: the lowest byte of the time slot, then 56 bits of SipHash-2-4 over the slot and the
/// client's address under a random key.
///
/// An id is accepted for 120 to 150 seconds. It is bound to the IP address, at which the client has shown that it
/// receives. It is not bound to the port, which some NATs change between two datagrams: a client at the address could
/// have got an id with any port anyway.
#[derive(Clone)]
pub struct ConnectionIds {
    hasher: SipHasher24,
}

impl ConnectionIds {
    /// `key` must be random and secret. Ids made with another key are not accepted.
    pub fn new(key: &[u8; 16]) -> Self {
        Self { hasher: SipHasher24::new_with_key(key) }
    }

    /// The id for `ip` at `now`, in seconds of a clock that does not go back.
    pub fn issue(&self, ip: IpAddr, now: u32) -> u64 {
        self.id(ip, now / SLOT)
    }

    /// Whether `id` was issued to `ip` a short time ago. Takes the same time for every wrong id.
    pub fn accept(&self, id: u64, ip: IpAddr, now: u32) -> bool {
        let slot = now / SLOT;
        let [_, _, _, low] = slot.to_be_bytes();
        let [written, ..] = id.to_be_bytes();
        let age = u32::from(low.wrapping_sub(written));
        let is_issued = id.ct_eq(&self.id(ip, slot.wrapping_sub(age)));
        bool::from(is_issued) && age <= MAX_AGE
    }

    fn id(&self, ip: IpAddr, slot: u32) -> u64 {
        let slot = slot.to_be_bytes();
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&slot);
        let tag = match ip {
            IpAddr::V4(ip) => {
                bytes[4..8].copy_from_slice(&ip.octets());
                self.hasher.hash(&bytes[..8])
            }
            IpAddr::V6(ip) => {
                bytes[4..].copy_from_slice(&ip.octets());
                self.hasher.hash(&bytes)
            }
        };
        u64::from(slot[3]) << 56 | tag >> 8
    }
}
