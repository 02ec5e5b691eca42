//! Listening sockets, several on one address: the system spreads connections over them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use nix::setsockopt_impl;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SetStruct;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted; the system lowers it to what it allows.
const BACKLOG: i32 = 4096;

/// Seconds after which a connection is accepted that has sent nothing; the system rounds them up.
const DEFERRED: i32 = 1;

/// Bytes that the system keeps for a client that takes nothing, and of one that is not read; it doubles both for what
/// it needs itself. Without a bound it gives a busy connection megabytes.
const KEPT: usize = 32 * 1024;

/// Lets the system keep a connection until its first bytes are there: one wake-up instead of two.
#[derive(Clone)]
struct DeferAccept;
setsockopt_impl!(DeferAccept, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, i32, SetStruct<'_, i32>);

/// Binds `address` so often, once for each thread; port 0 is the same free port for all.
///
/// # Errors
/// When another process has the address, with its name.
pub(crate) fn bind_all(address: SocketAddr, count: usize) -> anyhow::Result<(SocketAddr, Vec<TcpListener>)> {
    let bind = |address, shared| bind(address, shared).with_context(|| format!("cannot listen on {address}"));
    if address.port() != 0 {
        // Shared sockets would bind beside another tracker's without a word.
        bind(address, false)?;
    }
    let first = bind(address, true)?;
    let address = first.local_addr()?.as_socket().context("an address without a port")?;
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
        // So that the IPv4 address of the same port can be bound as well.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // An answer is one write; waiting to fill a packet only delays it. Accepted connections inherit these options.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(KEPT)?;
    socket.set_recv_buffer_size(KEPT)?;
    setsockopt(&socket, DeferAccept, &DEFERRED)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
