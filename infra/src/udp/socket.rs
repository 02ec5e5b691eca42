//! UDP sockets, several on one address: the system spreads clients over them.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use anyhow::Context;
use socket2::{Domain, Protocol, Socket, Type};

/// Bytes of datagrams that may wait to be read, and to be sent; the system lowers it to what it allows
/// (`net.core.rmem_max`, `net.core.wmem_max`).
const BACKLOG: usize = 4 << 20;

/// Binds `count` sockets to `address`, one for each thread; port 0 becomes the same free port for all. Answers the
/// address with its port. Nothing waits at these sockets: they do not block.
///
/// # Errors
/// When another process has the address, with its name.
pub fn bind_all(address: SocketAddr, count: usize) -> anyhow::Result<(SocketAddr, Vec<UdpSocket>)> {
    let bind =
        |address, shared| bind(address, shared).with_context(|| format!("cannot listen on udp {address}"));
    if address.port() != 0 {
        // Shared sockets would bind beside another tracker's without a word.
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
        // Who comes over IPv4 is given peers of IPv4 only (BEP 15), by the socket of that family.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(shared)?;
    socket.set_recv_buffer_size(BACKLOG)?;
    socket.set_send_buffer_size(BACKLOG)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}
