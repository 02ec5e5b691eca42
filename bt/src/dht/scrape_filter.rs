//! Bloom filters in which nodes count the peers of a torrent, so that the counts of several nodes add up (BEP 33).

use std::net::IpAddr;

use sha1::{Digest, Sha1};

/// Bytes of a filter.
pub const LEN: usize = 256;

/// Bits of a filter.
const BITS: u16 = 2048;

/// A set of IP addresses as 2048 bits, of which each address sets two: `BFsd` holds seeds, `BFpe` all other peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrapeFilter([u8; LEN]);

impl ScrapeFilter {
    /// The bytes as they are sent; bit i is `1 << (i % 8)` of byte i / 8.
    pub fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// Adds an address. An IPv4-mapped address counts as its IPv4 address.
    pub fn insert(&mut self, ip: IpAddr) {
        let hash = match ip.to_canonical() {
            IpAddr::V4(ip) => Sha1::digest(ip.octets()),
            IpAddr::V6(ip) => Sha1::digest(ip.octets()),
        };
        for bytes in [[hash[0], hash[1]], [hash[2], hash[3]]] {
            let bit = u16::from_le_bytes(bytes) % BITS;
            self.0[usize::from(bit / 8)] |= 1 << (bit % 8);
        }
    }

    /// Adds the addresses of `other`: what a second node knows of the same torrent.
    pub fn unite(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte |= other);
    }

    /// About how many addresses it holds, by the formula of BEP 33: 0.5 when it is empty. One without a zero bit, which
    /// the formula does not cover, counts as one with a single zero bit: 7806.
    pub fn estimate(&self) -> f64 {
        let zeros = self.zeros().clamp(1, u32::from(BITS) - 1);
        let bits = f64::from(BITS);
        (f64::from(zeros) / bits).ln() / (2.0 * (-1.0 / bits).ln_1p())
    }

    fn zeros(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_zeros()).sum()
    }
}

impl Default for ScrapeFilter {
    /// The empty set.
    fn default() -> Self {
        Self([0; LEN])
    }
}

impl From<[u8; LEN]> for ScrapeFilter {
    fn from(bytes: [u8; LEN]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn filter(addresses: impl IntoIterator<Item = IpAddr>) -> ScrapeFilter {
        let mut filter = ScrapeFilter::default();
        addresses.into_iter().for_each(|ip| filter.insert(ip));
        filter
    }

    #[test]
    fn the_example_of_bep_33_has_its_bits_and_size() {
        let v4 = (0..=255).map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        let v6 = (0..=0x3e7).map(|last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)));
        let filter = filter(v4.chain(v6));
        assert_eq!(filter.zeros(), 619);
        assert!((filter.estimate() - 1224.9309).abs() < 0.0001, "{}", filter.estimate());
        assert_eq!(filter.as_bytes()[..8], [0xf6, 0xc3, 0xf5, 0xea, 0xa0, 0x7f, 0xfd, 0x91]);
        assert_eq!(filter.as_bytes()[248..], [0xfe, 0xee, 0x76, 0xb6, 0xfd, 0x8f, 0x72, 0xef]);
    }

    #[test]
    fn estimates_stay_finite_at_both_ends() {
        assert!((ScrapeFilter::default().estimate() - 0.5).abs() < 1e-9);
        assert!((ScrapeFilter::from([0xff; LEN]).estimate() - 7806.0).abs() < 1.0);
    }

    proptest! {
        #[test]
        fn a_union_is_the_filter_of_all(a in vec(any::<IpAddr>(), 0..50), b in vec(any::<IpAddr>(), 0..50)) {
            let mut union = filter(a.clone());
            union.unite(&filter(b.clone()));
            prop_assert_eq!(union, filter(a.into_iter().chain(b)));
            prop_assert_eq!(ScrapeFilter::from(*union.as_bytes()), union);
        }

        #[test]
        fn an_address_counts_once(ip: IpAddr) {
            prop_assert_eq!(filter([ip, ip]), filter([ip]));
            prop_assert!((0.5..1.5).contains(&filter([ip]).estimate()));
        }
    }
}
