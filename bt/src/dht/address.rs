//! Addresses of the public Internet, and the endpoints that a node speaks to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The network in which one operator may have any number of addresses: a /24 of IPv4, a /64 of IPv6. Tables and
/// searches take few nodes of one, as libtorrent does (`dht_restrict_routing_ips`, `dht_restrict_search_ips`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subnet {
    /// The first three bytes of an IPv4 address.
    V4([u8; 3]),
    /// The upper half of an IPv6 address.
    V6([u8; 8]),
}

impl Subnet {
    /// The network of `ip`. An IPv4-mapped address belongs to the /24 of its IPv4 address.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let mut upper = [0; 8];
                upper.copy_from_slice(&ip.octets()[..8]);
                Self::V6(upper)
            }
        }
    }
}

/// Which endpoints a node speaks to, answers, keeps and hands on.
///
/// By default these are unicast addresses of the public Internet, and ports that no service of a system has: messages
/// to others' name or mail servers would look like an attack, which anyone could start by naming them as nodes.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    /// Networks whose addresses are admitted although they are not public, with every port but 0: for tests, and for
    /// nodes inside the operator's own network.
    pub allowed: Vec<IpNet>,
    /// Whether ports below 1024 other than 80 and 443 are admitted.
    pub low_ports: bool,
    /// Whether the /8 networks are refused from which libtorrent expects no node (`dht_ignore_dark_internet`).
    pub ignore_dark_internet: bool,
}

impl AddressPolicy {
    /// Whether `endpoint` is admitted. An IPv4-mapped address is judged as its IPv4 address.
    pub fn admits(&self, endpoint: SocketAddr) -> bool {
        let ip = endpoint.ip().to_canonical();
        match endpoint.port() {
            0 => false,
            1..1024 if !self.low_ports && ![80, 443].contains(&endpoint.port()) => self.allows(ip),
            _ => self.admits_ip(ip),
        }
    }

    /// Whether `ip` is admitted with any port.
    pub fn admits_ip(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allows(ip) || is_public(ip) && !(self.ignore_dark_internet && is_dark(ip))
    }

    fn allows(&self, ip: IpAddr) -> bool {
        is_unicast(ip) && self.allowed.iter().any(|network| network.contains(&ip))
    }
}

/// Whether `ip` is inside a site or a machine: BEP 42 asks for no particular node id there. To its networks libtorrent
/// adds 100.64/10 and those of IPv6.
pub fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || CARRIER_GRADE_NAT.contains(&ip)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

/// Whether `ip` is an address of the public Internet that one host has (IANA's registries of special-purpose
/// addresses).
pub fn is_public(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    is_unicast(ip)
        && match ip {
            IpAddr::V4(ip) => {
                !is_local(ip.into()) && !NOT_PUBLIC_V4.iter().any(|network| network.contains(&ip))
            }
            IpAddr::V6(ip) => {
                GLOBAL_V6.contains(&ip) && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&ip))
            }
        }
}

/// No network or setting makes the others reachable: this network (0/8), multicast, reserved and broadcast.
fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => (1..224).contains(&ip.octets()[0]),
        IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
    }
}

/// The list of libtorrent 2.1.0.
fn is_dark(ip: IpAddr) -> bool {
    const DARK: [u8; 17] = [3, 6, 7, 9, 11, 19, 21, 22, 25, 26, 28, 29, 30, 33, 34, 48, 56];
    matches!(ip, IpAddr::V4(ip) if DARK.contains(&ip.octets()[0]))
}

const CARRIER_GRADE_NAT: Ipv4Net = v4([100, 64, 0, 0], 10);

const NOT_PUBLIC_V4: [Ipv4Net; 6] = [
    v4([192, 0, 0, 0], 24),    // protocol assignments, RFC 6890
    v4([192, 0, 2, 0], 24),    // documentation, RFC 5737
    v4([192, 88, 99, 0], 24),  // relays of 6to4, RFC 7526
    v4([198, 18, 0, 0], 15),   // benchmarks, RFC 2544
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
];

/// Global unicast, as far as it is assigned (RFC 4291).
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0], 3);

const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0], 23),     // protocol assignments, among them Teredo, RFC 2928
    v6([0x2001, 0xdb8], 32), // documentation, RFC 3849
    v6([0x2002, 0], 16),     // 6to4, RFC 3056
    v6([0x3fff, 0], 20),     // documentation, RFC 9637
];

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([a, b]: [u16; 2], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    const PUBLIC: [&str; 9] = [
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "223.255.255.254",
        "2001:470::1",
        "2a00::1",
    ];

    const NOT_PUBLIC: [&str; 22] = [
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "2001:db8::1",
        "2001::1",
        "2002:a00:1::",
        "64:ff9b::1.1.1.1",
    ];

    const NEVER: [&str; 9] = [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "ff02::1",
        "::ffff:0.0.0.0",
    ];

    #[test]
    fn public_unicast_alone_is_admitted_by_default() {
        let policy = AddressPolicy::default();
        for address in PUBLIC {
            assert!(is_public(ip(address)) && policy.admits(SocketAddr::new(ip(address), 6881)), "{address}");
        }
        for address in NOT_PUBLIC.into_iter().chain(NEVER) {
            assert!(
                !is_public(ip(address)) && !policy.admits(SocketAddr::new(ip(address), 6881)),
                "{address}"
            );
        }
        assert!(!policy.admits(SocketAddr::new(ip("::ffff:10.0.0.1"), 6881)));
        assert!(policy.admits(SocketAddr::new(ip("::ffff:1.1.1.1"), 6881)));
    }

    #[test]
    fn rule_11_networks_of_tests_are_admitted_when_they_are_named() {
        let allowed = vec!["127.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")];
        let policy = AddressPolicy { allowed, ..AddressPolicy::default() };
        for address in ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "fd00::1", "1.1.1.1"] {
            assert!(policy.admits(SocketAddr::new(ip(address), 6881)), "{address}");
        }
        assert!(!policy.admits(SocketAddr::new(ip("10.0.0.1"), 6881)));
        assert!(policy.admits(SocketAddr::new(ip("127.0.0.1"), 53)));
        assert!(!policy.admits(SocketAddr::new(ip("127.0.0.1"), 0)));
    }

    #[test]
    fn no_setting_admits_what_is_no_unicast_address() {
        let allowed = vec!["0.0.0.0/0".parse().expect("a network"), "::/0".parse().expect("a network")];
        let policy = AddressPolicy { allowed, low_ports: true, ignore_dark_internet: false };
        for address in NEVER {
            assert!(!policy.admits(SocketAddr::new(ip(address), 6881)), "{address}");
        }
        for address in PUBLIC.into_iter().chain(NOT_PUBLIC) {
            assert!(policy.admits(SocketAddr::new(ip(address), 1)), "{address}");
            assert!(!policy.admits(SocketAddr::new(ip(address), 0)), "{address}");
        }
    }

    #[test]
    fn ports_of_system_services_are_refused_by_default() {
        let policy = AddressPolicy::default();
        let low = AddressPolicy { low_ports: true, ..AddressPolicy::default() };
        for (port, expected) in
            [(0, false), (1, false), (53, false), (1023, false), (80, true), (443, true), (1024, true)]
        {
            let endpoint = SocketAddr::new(ip("1.1.1.1"), port);
            assert_eq!(policy.admits(endpoint), expected, "{port}");
            assert_eq!(low.admits(endpoint), port > 0, "{port}");
        }
    }

    #[test]
    fn the_networks_that_libtorrent_ignores_are_refused_when_asked() {
        let policy = AddressPolicy { ignore_dark_internet: true, ..AddressPolicy::default() };
        for first in [3, 6, 7, 9, 11, 19, 21, 22, 25, 26, 28, 29, 30, 33, 34, 48, 56] {
            let endpoint = SocketAddr::from(([first, 1, 1, 1], 6881));
            assert!(!policy.admits(endpoint), "{endpoint}");
            assert!(AddressPolicy::default().admits(endpoint), "{endpoint}");
        }
        assert!(policy.admits(SocketAddr::from(([4, 1, 1, 1], 6881))));
    }

    #[test]
    fn subnets_are_a_24_and_a_64() {
        assert_eq!(Subnet::of(ip("192.0.2.1")), Subnet::of(ip("::ffff:192.0.2.255")));
        assert_ne!(Subnet::of(ip("192.0.2.1")), Subnet::of(ip("192.0.3.1")));
        assert_eq!(Subnet::of(ip("2001:db8:0:1::1")), Subnet::of(ip("2001:db8:0:1:ffff::")));
        assert_ne!(Subnet::of(ip("2001:db8:0:1::1")), Subnet::of(ip("2001:db8:0:2::1")));
    }

    proptest! {
        #[test]
        fn no_address_is_both_public_and_local(address: IpAddr) {
            prop_assert!(!(is_public(address) && is_local(address)));
        }
    }
}
