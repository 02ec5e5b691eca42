//! Many datagrams with one call, read and written, in memory that is used again and again.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use bt::udp_tracker::MAX_REPLY;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// Datagrams read at once.
pub(super) const BATCH: usize = 64;

/// Bytes of a datagram at most; longer ones are dropped. A scrape with 74 hashes and a URL of 255 bytes is 1753.
const LONGEST: usize = 2048;

/// Room for one batch in each direction. Each socket has its own: the system notes in `received` how long an address of
/// its family is, and cuts off others.
pub(super) struct Mailbox {
    inbox: Box<[[u8; LONGEST]]>,
    received: MultiHeaders<SockaddrStorage>,
    outbox: Outbox,
}

/// Answers and where they go.
struct Outbox {
    letters: Vec<Vec<u8>>,
    addresses: Vec<Option<SockaddrStorage>>,
    sent: MultiHeaders<SockaddrStorage>,
}

impl Mailbox {
    pub(super) fn new() -> Self {
        Self {
            inbox: vec![[0; LONGEST]; BATCH].into(),
            received: MultiHeaders::preallocate(BATCH, None),
            outbox: Outbox {
                letters: (0..BATCH).map(|_| Vec::with_capacity(MAX_REPLY)).collect(),
                addresses: Vec::with_capacity(BATCH),
                sent: MultiHeaders::preallocate(BATCH, None),
            },
        }
    }

    /// Reads what waits at `socket`, [`BATCH`] datagrams at most, without waiting; `answer` appends what each is
    /// answered with, and that is sent. Says how many were read.
    pub(super) fn exchange(
        &mut self,
        socket: &UdpSocket,
        mut answer: impl FnMut(&[u8], SocketAddr, &mut Vec<u8>),
    ) -> Result<usize, Errno> {
        let mut inbox = self.inbox.iter_mut();
        let mut places: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(inbox.next().map_or(&mut [], |datagram| datagram))]);
        let received =
            match recvmmsg(socket.as_raw_fd(), &mut self.received, &mut places, MsgFlags::empty(), None) {
                Err(Errno::EAGAIN) => return Ok(0),
                received => received?,
            };
        let outbox = &mut self.outbox;
        let mut read = 0;
        outbox.addresses.clear();
        for message in received {
            read += 1;
            let Some((datagram, from)) = message.iovs().next().zip(message.address) else { continue };
            if message.flags.contains(MsgFlags::MSG_TRUNC) {
                continue;
            }
            let (Some(socket_address), Some(letter)) =
                (convert(&from), outbox.letters.get_mut(outbox.addresses.len()))
            else {
                continue;
            };
            letter.clear();
            answer(datagram, socket_address, letter);
            if !letter.is_empty() {
                outbox.addresses.push(Some(from));
            }
        }
        outbox.send(socket);
        Ok(read)
    }
}

impl Outbox {
    fn send(&mut self, socket: &UdpSocket) {
        let Self { letters, addresses, sent } = self;
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            std::array::from_fn(|at| [IoSlice::new(letters.get(at).map_or(&[], |letter| letter))]);
        let mut done = 0;
        while done < addresses.len() {
            let flags = MsgFlags::empty();
            let result = sendmmsg(socket.as_raw_fd(), sent, &slices[done..], &addresses[done..], [], flags);
            match result {
                Ok(results) => done += results.count().max(1),
                Err(Errno::EINTR) => {}
                // This one cannot be sent: to port 0, for example, or because too much waits to be sent. Its client
                // asks again; those after it may have more luck.
                Err(_) => done += 1,
            }
        }
    }
}

fn convert(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into())
}
