//! Reads and sends many datagrams with one system call (recvmmsg(2), sendmmsg(2)), in buffers that are reused.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// Most datagrams read or sent with one system call.
pub const BATCH: usize = 64;

/// Most bytes of a datagram; longer ones are dropped. A scrape with 74 hashes and a URL of 255 bytes has 1753.
pub const LONGEST: usize = 2048;

/// Buffers for one batch in each direction. Each socket needs its own: the system stores the length of an address of
/// its family in `received`, and would truncate longer addresses.
pub struct Mailbox {
    inbox: Box<[[u8; LONGEST]]>,
    received: MultiHeaders<SockaddrStorage>,
    outbox: Outbox,
}

/// Datagrams that wait to be sent; `addresses` has the destination of each.
struct Outbox {
    letters: Vec<Vec<u8>>,
    addresses: Vec<Option<SockaddrStorage>>,
    sent: MultiHeaders<SockaddrStorage>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").field("waiting", &self.outbox.addresses.len()).finish_non_exhaustive()
    }
}

impl Mailbox {
    /// A mailbox with empty buffers of 256 KiB.
    pub fn new() -> Self {
        Self {
            inbox: vec![[0; LONGEST]; BATCH].into(),
            received: MultiHeaders::preallocate(BATCH, None),
            outbox: Outbox {
                letters: (0..BATCH).map(|_| Vec::with_capacity(LONGEST)).collect(),
                addresses: Vec::with_capacity(BATCH),
                sent: MultiHeaders::preallocate(BATCH, None),
            },
        }
    }

    /// Reads up to [`BATCH`] datagrams from `socket` without waiting. `answer` appends the answer to each, which is
    /// then sent. Returns how many datagrams were read.
    ///
    /// # Errors
    /// That of recvmmsg(2); `EINTR` when a signal came first.
    pub fn exchange(
        &mut self,
        socket: &UdpSocket,
        mut answer: impl FnMut(&[u8], SocketAddr, &mut Vec<u8>),
    ) -> Result<usize, Errno> {
        self.flush(socket);
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
        for message in received {
            read += 1;
            let Some((datagram, from)) = message.iovs().next().zip(message.address) else { continue };
            if message.flags.contains(MsgFlags::MSG_TRUNC) {
                continue;
            }
            if let Some(socket_address) = convert(&from) {
                outbox.write(from, |letter| answer(datagram, socket_address, letter));
            }
        }
        outbox.send(socket);
        Ok(read)
    }

    /// Queues a datagram for `to` that answers none; `write` appends its bytes. It is sent from `socket` with the next
    /// [`flush`] or [`exchange`], or when the batch is full, whichever comes first. An empty one is not sent.
    ///
    /// [`flush`]: Mailbox::flush
    /// [`exchange`]: Mailbox::exchange
    pub fn post(&mut self, socket: &UdpSocket, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>)) {
        if self.outbox.addresses.len() == BATCH {
            self.outbox.send(socket);
        }
        self.outbox.write(to.into(), write);
    }

    /// Sends the queued datagrams. One that the system does not accept is dropped, since UDP may lose any datagram.
    pub fn flush(&mut self, socket: &UdpSocket) {
        if !self.outbox.addresses.is_empty() {
            self.outbox.send(socket);
        }
    }
}

impl Outbox {
    /// Queues the bytes that `write` appends; does nothing if the batch is full.
    fn write(&mut self, to: SockaddrStorage, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(letter) = self.letters.get_mut(self.addresses.len()) else { return };
        letter.clear();
        write(letter);
        if !letter.is_empty() {
            self.addresses.push(Some(to));
        }
    }

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
                // This datagram cannot be sent, for example because its port is 0 or the socket's buffer is full. Its
                // client asks again; those after it are tried.
                Err(_) => done += 1,
            }
        }
        addresses.clear();
    }
}

fn convert(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use super::super::bind_all;
    use super::*;

    /// Far longer than the busiest machine needs.
    const TIMEOUT: Duration = Duration::from_mins(5);

    fn bound(address: &str) -> (SocketAddr, UdpSocket) {
        let (address, mut sockets) = bind_all(address.parse().expect("an address"), 1).expect("a free port");
        (address, sockets.pop().expect("a socket"))
    }

    /// Reads with both until `done`.
    fn converse(mut step: impl FnMut() -> bool) {
        let end = Instant::now() + TIMEOUT;
        while !step() {
            assert!(Instant::now() < end, "waited in vain");
            std::thread::yield_now();
        }
    }

    #[test]
    fn whoever_begins_a_conversation_is_answered_also_beyond_a_batch() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let ((_, asking), (to, answering)) = (bound(address), bound(address));
            let (mut one, mut other) = (Mailbox::new(), Mailbox::new());
            let count = 2 * BATCH + 1;
            for number in 0..count {
                one.post(&asking, to, |letter| letter.extend(number.to_be_bytes()));
            }
            one.flush(&asking);
            let mut answers = BTreeSet::new();
            converse(|| {
                other
                    .exchange(&answering, |question, _, letter| {
                        letter.extend(question);
                        letter.push(b'!');
                    })
                    .expect("reads");
                one.exchange(&asking, |answer, from, _| {
                    assert_eq!(from, to);
                    answers.insert(answer.to_vec());
                })
                .expect("reads");
                answers.len() == count
            });
            assert!(answers.iter().all(|it| it.len() == 9 && it.ends_with(b"!")));
        }
    }

    #[test]
    fn an_empty_letter_is_not_sent_and_one_that_cannot_be_sent_keeps_back_no_other() {
        let ((_, asking), (to, answering)) = (bound("127.0.0.1:0"), bound("127.0.0.1:0"));
        let (mut one, mut other) = (Mailbox::new(), Mailbox::new());
        one.post(&asking, to, |_| {});
        one.post(&asking, SocketAddr::from(([127, 0, 0, 1], 0)), |letter| letter.push(1));
        one.post(&asking, to, |letter| letter.push(2));
        one.flush(&asking);
        let mut heard = Vec::new();
        converse(|| {
            other.exchange(&answering, |letter, _, _| heard.push(letter.to_vec())).expect("reads");
            !heard.is_empty()
        });
        assert_eq!(heard, [[2]]);
    }
}
