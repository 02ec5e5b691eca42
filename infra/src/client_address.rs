//! The client's address of a request that may have passed trusted proxies.

use std::net::IpAddr;

use ipnet::IpNet;

/// The client's address: `peer`, or behind trusted proxies the nearest address in `forwarded_for` that is none of them.
///
/// `forwarded_for` holds the values of all `X-Forwarded-For` headers in order, in any bytes: a proxy appends to what
/// its client wrote. Each hop is read by itself, from the right: what stands left of the first untrusted address was
/// written by that client. A hop that is no address ends the walk; an empty one is passed over. IPv4 addresses mapped
/// into IPv6 are returned as IPv4.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let mut address = peer.to_canonical();
    let hops = forwarded_for.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty()) {
        if !trusted.iter().any(|net| net.contains(&address)) {
            break;
        }
        let Some(hop) = parse_hop(hop) else { break };
        address = hop;
    }
    address
}

/// Parses one hop. Some proxies add a port (`1.2.3.4:5`, `[2001:db8::1]:5`).
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?;
    let address = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|it| it.ip());
    address.or_else(with_port).map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[&str]) -> String {
        let trusted = ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), headers.iter().map(|it| it.as_bytes()), &trusted).to_string()
    }

    #[test]
    fn bytes_that_are_no_text_spoil_no_other_hop() {
        let trusted = ["127.0.0.0/8".parse().unwrap()];
        let headers = [&b"\xff\xfe, 198.51.100.9"[..]];
        let client = client_address("127.0.0.1".parse().unwrap(), headers.into_iter(), &trusted);
        assert_eq!(client.to_string(), "198.51.100.9");
        let headers = [&b"203.0.113.9, \xff, 127.0.0.2"[..]];
        let client = client_address("127.0.0.1".parse().unwrap(), headers.into_iter(), &trusted);
        assert_eq!(client.to_string(), "127.0.0.2", "the walk ends at what is no address");
    }

    #[test]
    fn empty_hops_are_passed_over() {
        assert_eq!(client("127.0.0.1", &["198.51.100.9,"]), "198.51.100.9");
        assert_eq!(client("127.0.0.1", &["203.0.113.1, 198.51.100.9 , ,", ""]), "198.51.100.9");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn the_header_is_read_from_the_right() {
        assert_eq!(client("127.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.1"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn a_proxy_speaks_for_itself_where_the_header_is_missing_or_unreadable() {
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["203.0.113.9, x, 10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn mapped_addresses_and_ports_are_understood() {
        assert_eq!(client("::ffff:127.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["::ffff:192.0.2.7"]), "192.0.2.7");
    }
}
