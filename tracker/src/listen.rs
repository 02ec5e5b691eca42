//! Listening sockets, several on one address (`SO_REUSEPORT`): the system spreads connections over them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use nix::setsockopt_impl;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SetStruct;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted; the system lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Seconds after which a connection is accepted even if its client has sent nothing; the system rounds them up.
const DEFER_ACCEPT: i32 = 1;

/// Size of each connection's send and receive buffer in the system, in bytes; the system doubles both for its own use.
/// Without a bound it gives a busy connection megabytes.
const SOCKET_BUFFER: usize = 32 * 1024;

/// `TCP_DEFER_ACCEPT`: the system reports a connection with its first bytes, which spares a wake-up.
#[derive(Clone)]
struct DeferAccept;
setsockopt_impl!(DeferAccept, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, i32, SetStruct<'_, i32>);

/// Binds `count` sockets to `address`, one for each thread. With port 0, all get the same free port.
///
/// # Errors
/// When another process has the address, with its name.
pub(crate) fn bind_all(address: SocketAddr, count: usize) -> anyhow::Result<(SocketAddr, Vec<TcpListener>)> {
    let bind = |address, shared| bind(address, shared).with_context(|| format!("cannot listen on {address}"));
    if address.port() != 0 {
        // With SO_REUSEPORT, binding would succeed beside another tracker: try without it first.
        bind(address, false)?;
    }
    let first = bind(address, true)?;
    let address = first.local_addr()?.as_socket().context("the system bound an address without a port")?;
    let others = (1..count).map(|_| bind(address, true));
    let sockets = std::iter::once(Ok(first)).chain(others).collect::<anyhow::Result<Vec<Socket>>>()?;
    let listeners = sockets.into_iter().map(|socket| {
        socket.listen(BACKLOG).with_context(|| format!("cannot listen on {address}"))?;
        Ok(TcpListener::from(socket))
    });
    Ok((address, listeners.collect::<anyhow::Result<_>>()?))
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // An IPv6 socket that also took IPv4 would keep IPv4 from being bound to the same port.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // An answer is one write: waiting to fill a packet would delay it. Accepted connections inherit these options.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    setsockopt(&socket, DeferAccept, &DEFER_ACCEPT)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
