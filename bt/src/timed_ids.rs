//! Ids that are made for an IP address and a time, and checked without a table of what was issued.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

/// Makes and checks ids: the lowest byte of the time slot, then 56 bits of SipHash-2-4 over the slot and an IP address
/// under a random key. Each slot is a new secret in effect.
///
/// A time slot has `SLOT` seconds, in which an address always gets the same id. An id is accepted in its own slot and
/// `MAX_AGE` slots after it.
#[derive(Clone)]
pub struct TimedIds<const SLOT: u32, const MAX_AGE: u32> {
    hasher: SipHasher24,
}

impl<const SLOT: u32, const MAX_AGE: u32> TimedIds<SLOT, MAX_AGE> {
    /// `key` must be random, secret, and used for one kind of id. Ids made with another key are not accepted.
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
