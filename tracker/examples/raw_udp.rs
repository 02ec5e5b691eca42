//! The limit that the system sets: `raw_udp ADDR:PORT` answers every announce with 50 constant peers, on one thread.
//!
//! 64 datagrams for each call, nothing read of them but action and transaction.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use anyhow::Context;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

const BATCH: usize = 64;

/// Bytes of an answer: 20, and 6 for each of 50 peers.
const ANSWER: usize = 320;

fn main() -> anyhow::Result<()> {
    let address: SocketAddr = std::env::args().nth(1).context("usage: raw_udp ADDR:PORT")?.parse()?;
    let socket = UdpSocket::bind(address)?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
    println!("udp {}", socket.local_addr()?);
    let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
    let mut inbox = vec![[0; 2048]; BATCH];
    let mut outbox = vec![[0; ANSWER]; BATCH];
    let mut lengths = [0; BATCH];
    let mut received = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut sent = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut addresses = Vec::with_capacity(BATCH);
    loop {
        addresses.clear();
        let mut free = inbox.iter_mut();
        let mut places: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(free.next().map_or(&mut [], |datagram| datagram))]);
        for message in recvmmsg(fd, &mut received, &mut places, MsgFlags::MSG_WAITFORONE, None)? {
            let Some(datagram @ [_, _, _, _, _, _, _, _, _, _, _, action, _, _, _, _, ..]) =
                message.iovs().next()
            else {
                continue;
            };
            let at = addresses.len();
            outbox[at][3] = *action;
            outbox[at][4..8].copy_from_slice(&datagram[12..16]);
            lengths[at] = if *action == 0 { 16 } else { ANSWER };
            addresses.push(message.address);
        }
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            std::array::from_fn(|at| [IoSlice::new(&outbox[at][..lengths[at]])]);
        if !addresses.is_empty() {
            sendmmsg(fd, &mut sent, &slices, &addresses, [], flags)?;
        }
    }
}
