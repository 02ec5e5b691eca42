//! Listening addresses of the children. Ports are chosen before they start, so that URLs can contain them and a
//! restarted child uses the same port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use anyhow::Context;

/// `wanted`, with a free port in place of each port 0. `option` names the command-line option in errors.
///
/// # Errors
/// When an address is in use or does not belong to this machine.
pub(crate) fn settle(wanted: &[SocketAddr], option: &str) -> anyhow::Result<Vec<SocketAddr>> {
    // All listeners are kept until the last one is bound, so that no port is chosen twice.
    let held: Vec<_> = wanted
        .iter()
        .map(|address| {
            TcpListener::bind(address).with_context(|| {
                format!(
                    "cannot listen on {address}: stop what uses it, or choose another with {option} ADDR:PORT"
                )
            })
        })
        .collect::<Result<_, _>>()?;
    held.iter()
        .map(|listener| listener.local_addr().context("cannot tell the address of a listener"))
        .collect()
}

/// The URL under which a browser on this machine reaches `address`.
pub(crate) fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let url = format!("http://{}", SocketAddr::new(host, address.port()));
    url.strip_suffix(":80").map_or(url.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_can_be_opened() {
        for (address, expected) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("0.0.0.0:8000", "http://127.0.0.1:8000"),
            ("[::]:80", "http://[::1]"),
            ("192.0.2.1:8080", "http://192.0.2.1:8080"),
        ] {
            assert_eq!(url(address.parse().expect("an address")), expected);
        }
    }

    #[test]
    fn port_0_becomes_different_free_ones_and_a_used_one_is_named() {
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let [first, second] = settle(&[any, any], "--site").expect("free ports").try_into().expect("two");
        assert!(first.port() != 0 && second.port() != 0 && first != second);
        let listener = TcpListener::bind(any).expect("a listener");
        let used = listener.local_addr().expect("its address");
        let error = settle(&[used], "--site").expect_err("it is in use").to_string();
        assert!(error.contains(&used.to_string()) && error.contains("--site"), "{error}");
    }
}
