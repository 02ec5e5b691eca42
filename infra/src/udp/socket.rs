//! UDP sockets, several on one address (`SO_REUSEPORT`): the system spreads clients over them.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use anyhow::Context;
use socket2::{Domain, Protocol, Socket, Type};

/// Size of each socket's receive and send buffer, in bytes. The system lowers it to `net.core.rmem_max` and
/// `net.core.wmem_max`.
const BACKLOG: usize = 4 << 20;

/// Binds `count` non-blocking sockets to `address`, one for each thread. With port 0, all get the same free port.
/// Returns the address with its port.
///
/// # Errors
/// When another process uses the address. The error names the address.
pub fn bind_all(address: SocketAddr, count: usize) -> anyhow::Result<(SocketAddr, Vec<UdpSocket>)> {
    let bind =
        |address, shared| bind(address, shared).with_context(|| format!("cannot listen on udp {address}"));
    if address.port() != 0 {
        // With SO_REUSEPORT, binding would succeed beside another tracker: try without it first.
        bind(address, false)?;
    }
    let first = bind(address, true)?;
    let address = first.local_addr()?;
    let others = (1..count).map(|_| bind(address, true));
    let sockets = std::iter::once(Ok(first)).chain(others).collect::<anyhow::Result<_>>()?;
    Ok((address, sockets))
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // Clients over IPv4 are given IPv4 peers only (BEP 15), so they must not arrive at the IPv6 socket.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(shared)?;
    socket.set_recv_buffer_size(BACKLOG)?;
    socket.set_send_buffer_size(BACKLOG)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}
