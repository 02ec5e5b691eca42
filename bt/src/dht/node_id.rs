//! Node ids (BEP 5), and the ids that belong to an IP address (BEP 42).

use std::fmt;
use std::net::IpAddr;

use data_encoding::HEXLOWER;

use super::address::is_local;
use crate::InfoHash;

/// Bits of a node id.
pub const BITS: u32 = 160;

/// A point of the id space of 160 bits, big-endian: the id of a node, or a target that one searches for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId([u8; 20]);

/// The XOR of two ids. The smaller one is the closer one (BEP 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance([u8; 20]);

impl NodeId {
    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The distance to `other`; the same in both directions.
    pub fn distance(&self, other: &Self) -> Distance {
        let mut xor = self.0;
        xor.iter_mut().zip(other.0).for_each(|(byte, other)| *byte ^= other);
        Distance(xor)
    }

    /// The number of first bits in which both ids agree: 0 to [`BITS`].
    pub fn common_prefix(&self, other: &Self) -> u32 {
        self.distance(other).leading_zeros()
    }

    /// The id of a node at `ip` (BEP 42). It has the bits of `random`, but for the first 21; the last byte of `random`
    /// is `rand`.
    #[must_use]
    pub fn for_address(ip: IpAddr, random: [u8; 20]) -> Self {
        let [first, second, third, _] = checksum(ip, random[19]).to_be_bytes();
        let mut id = random;
        id[0] = first;
        id[1] = second;
        id[2] = third & 0xf8 | random[2] & 0x07;
        Self(id)
    }

    /// Whether a node at `ip` may have this id (BEP 42). At an address inside a site ([`is_local`]) it may have any.
    pub fn belongs_to(&self, ip: IpAddr) -> bool {
        is_local(ip) || Self::for_address(ip, self.0) == *self
    }

    /// The id with the first `prefix` bits of this one, the next bit inverted, and the bits of `random` after it. With
    /// `prefix` of [`BITS`] or more it is this id.
    #[must_use]
    pub fn beside(&self, prefix: u32, random: [u8; 20]) -> Self {
        let mut other = *self;
        if let Some(byte) = other.0.get_mut(prefix as usize / 8) {
            *byte ^= 0x80 >> (prefix % 8);
        }
        other.within(prefix.saturating_add(1), random)
    }

    /// The id with the first `prefix` bits of this one, and the bits of `random` after them.
    #[must_use]
    pub fn within(&self, prefix: u32, random: [u8; 20]) -> Self {
        let mut id = *self;
        for ((byte, random), first_bit) in id.0.iter_mut().zip(random).zip((0..BITS).step_by(8)) {
            let kept = prefix.saturating_sub(first_bit).min(8);
            let changed = u8::MAX.checked_shr(kept).unwrap_or(0);
            *byte = *byte & !changed | random & changed;
        }
        id
    }
}

impl Distance {
    fn leading_zeros(self) -> u32 {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        let partial = self.0.get(zeros).map_or(0, |byte| byte.leading_zeros());
        // At most 20 bytes.
        8 * u32::try_from(zeros).unwrap_or(20) + partial
    }
}

impl From<[u8; 20]> for NodeId {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl From<InfoHash> for NodeId {
    fn from(hash: InfoHash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// CRC-32C over the masked address with three bits of `rand` in its first byte (BEP 42). Over IPv4 that is 4 bytes, as
/// in the code of BEP 42 and its examples; its text says 8.
fn checksum(ip: IpAddr, rand: u8) -> u32 {
    const V4_MASK: [u8; 4] = [0x03, 0x0f, 0x3f, 0xff];
    const V6_MASK: [u8; 8] = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];
    match ip.to_canonical() {
        IpAddr::V4(ip) => crc32c(&masked(&ip.octets(), V4_MASK, rand)),
        IpAddr::V6(ip) => crc32c(&masked(&ip.octets(), V6_MASK, rand)),
    }
}

fn masked<const N: usize>(ip: &[u8], mut mask: [u8; N], rand: u8) -> [u8; N] {
    mask.iter_mut().zip(ip).for_each(|(mask, byte)| *mask &= byte);
    mask[0] |= (rand & 7) << 5;
    mask
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let [.., low] = crc.to_be_bytes();
        crc >> 8 ^ CRC32C[usize::from(low ^ byte)]
    })
}

/// What each byte contributes to CRC-32C (RFC 3720, appendix B.4), bits reflected.
const CRC32C: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    let mut start = 0_u32;
    while byte < table.len() {
        let mut crc = start;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
        start += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn ids_are_those_of_bep_42() {
        for (address, rand, expected) in [
            ("124.31.75.21", 1, [0x5f, 0xbf, 0xb8]),
            ("21.75.31.124", 86, [0x5a, 0x3c, 0xe8]),
            ("65.23.51.170", 22, [0xa5, 0xd4, 0x30]),
            ("84.124.73.14", 65, [0x1b, 0x03, 0x20]),
            ("43.213.53.83", 90, [0xe5, 0x6f, 0x68]),
        ] {
            let mut random = [0xaa; 20];
            random[19] = rand;
            let id = NodeId::for_address(ip(address), random);
            let [first, second, third, ..] = *id.as_bytes();
            assert_eq!([first, second, third & 0xf8], expected, "{address}");
            assert_eq!(third & 7, 0xaa & 7);
            assert_eq!(id.as_bytes()[3..], random[3..]);
            assert!(id.belongs_to(ip(address)));
            assert!(id.belongs_to(ip(&format!("::ffff:{address}"))), "the same address, mapped to IPv6");
            assert!(!id.belongs_to(ip("8.8.8.8")));
        }
    }

    #[test]
    fn each_of_the_21_bits_counts_and_no_other() {
        let address = ip("124.31.75.21");
        let id = NodeId::for_address(address, [1; 20]);
        for bit in 0..BITS - 8 {
            let mut changed = *id.as_bytes();
            changed[bit as usize / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(NodeId(changed).belongs_to(address), bit >= 21, "bit {bit}");
        }
    }

    #[test]
    fn local_nodes_may_have_any_id() {
        for address in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "100.64.0.1"] {
            assert!(NodeId([9; 20]).belongs_to(ip(address)), "{address}");
        }
        for address in ["fd00::1", "::1", "fe80::1"] {
            assert!(NodeId([9; 20]).belongs_to(ip(address)), "{address}");
        }
        assert!(!NodeId([9; 20]).belongs_to(ip("198.18.0.1")));
        assert!(!NodeId([9; 20]).belongs_to(ip("2001:470::1")));
    }

    #[test]
    fn only_the_upper_half_of_an_ipv6_address_counts() {
        let id = NodeId::for_address(ip("2001:470:1:2:3:4:5:6"), [3; 20]);
        assert!(id.belongs_to(ip("2001:470:1:2::1")));
        assert!(!id.belongs_to(ip("2001:470:1:3::1")));
    }

    proptest! {
        #[test]
        fn distance_is_a_metric(a: [u8; 20], b: [u8; 20], c: [u8; 20]) {
            let (a, b, c) = (NodeId(a), NodeId(b), NodeId(c));
            prop_assert_eq!(a.distance(&b), b.distance(&a));
            prop_assert_eq!(a.distance(&a), Distance([0; 20]));
            // Bits add up without carry, so that the ways over a third node are no shorter.
            let [ab, bc, ac] = [a.distance(&b).0, b.distance(&c).0, a.distance(&c).0];
            prop_assert!((0..20).all(|at| ab[at] ^ bc[at] == ac[at]));
            prop_assert!(a.common_prefix(&c) >= a.common_prefix(&b).min(b.common_prefix(&c)));
        }

        #[test]
        fn prefixes_are_as_long_as_asked(own: [u8; 20], random: [u8; 20], prefix in 0..=BITS) {
            let own = NodeId(own);
            prop_assert_eq!(own.common_prefix(&own.beside(prefix, random)), prefix);
            prop_assert!(own.common_prefix(&own.within(prefix, random)) >= prefix);
        }

        #[test]
        fn an_id_belongs_to_the_address_that_it_was_made_for(address: IpAddr, random: [u8; 20]) {
            let id = NodeId::for_address(address, random);
            prop_assert!(id.belongs_to(address));
            prop_assert_eq!(&id.as_bytes()[3..], &random[3..]);
        }
    }
}
