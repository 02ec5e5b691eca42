//! A client's socket, in the clear or with TLS.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
use rustls::ServerConnection;

/// A client's socket, which never blocks.
#[derive(Debug)]
pub(crate) enum Stream {
    Clear(TcpStream),
    Sealed(Box<Sealed>),
}

/// A socket with TLS.
#[derive(Debug)]
pub(crate) struct Sealed {
    socket: TcpStream,
    tls: ServerConnection,
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// `count` bytes; `drained` says that the socket has no more for now.
    Bytes { count: usize, drained: bool },
    /// Nothing yet.
    Nothing,
    /// The client sends no more.
    End,
}

impl Stream {
    pub(crate) fn clear(socket: TcpStream) -> Self {
        Self::Clear(socket)
    }

    pub(crate) fn sealed(socket: TcpStream, tls: ServerConnection) -> Self {
        Self::Sealed(Box::new(Sealed { socket, tls }))
    }

    pub(super) fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.socket().as_raw_fd()
    }

    /// Reads into `out`, which is not empty. `scratch` is for bytes that TLS has not opened yet.
    pub(super) fn receive(&mut self, out: &mut [u8], scratch: &mut [u8]) -> io::Result<Received> {
        match self {
            Self::Clear(socket) => Ok(match unless_blocked(socket.read(out))? {
                Some(0) => Received::End,
                Some(count) => Received::Bytes { count, drained: count < out.len() },
                None => Received::Nothing,
            }),
            Self::Sealed(sealed) => sealed.receive(out, scratch),
        }
    }

    /// Sends as many of `bytes` as the client takes, and says how many. `last` says that the connection is closed next:
    /// the system holds back a segment that is not full and sends it together with the FIN.
    pub(super) fn send(&mut self, bytes: &[u8], last: bool) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => {
                Ok(unless_blocked(send(&*socket, bytes, flags(last)).map_err(io::Error::from))?.unwrap_or(0))
            }
            Self::Sealed(sealed) => {
                sealed.tls.writer().write_all(bytes)?;
                if last {
                    sealed.tls.send_close_notify();
                }
                sealed.flush(last)?;
                Ok(bytes.len())
            }
        }
    }

    /// Sends TLS records that wait; says whether all of them are sent.
    pub(super) fn flush(&mut self, last: bool) -> io::Result<bool> {
        match self {
            Self::Clear(_) => Ok(true),
            Self::Sealed(sealed) => sealed.flush(last),
        }
    }

    /// Closes the sending side.
    pub(super) fn end(&self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)
    }

    /// Reads bytes and ignores them.
    pub(super) fn ignore_input(&mut self, scratch: &mut [u8]) -> io::Result<Received> {
        let mut socket = self.socket();
        Ok(match unless_blocked(socket.read(scratch))? {
            Some(0) => Received::End,
            Some(count) => Received::Bytes { count, drained: count < scratch.len() },
            None => Received::Nothing,
        })
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Sealed(sealed) => &sealed.socket,
        }
    }
}

impl Sealed {
    fn receive(&mut self, out: &mut [u8], scratch: &mut [u8]) -> io::Result<Received> {
        let mut dry = false;
        loop {
            match unless_blocked(self.tls.reader().read(out))? {
                Some(0) => return Ok(Received::End),
                Some(count) => return Ok(Received::Bytes { count, drained: dry && count < out.len() }),
                None => {}
            }
            // The next step of the handshake. Tickets leave together with the first answer.
            self.flush(false)?;
            if dry {
                return Ok(Received::Nothing);
            }
            match unless_blocked(self.socket.read(scratch))? {
                Some(0) => return Ok(Received::End),
                Some(count) => {
                    dry = count < scratch.len();
                    self.open(&scratch[..count])?;
                }
                None => return Ok(Received::Nothing),
            }
        }
    }

    fn open(&mut self, mut sealed: &[u8]) -> io::Result<()> {
        while !sealed.is_empty() {
            // The client has sent close_notify: what follows is ignored.
            if self.tls.read_tls(&mut sealed)? == 0 {
                break;
            }
            if let Err(error) = self.tls.process_new_packets() {
                // An alert tells the client why.
                let _ = self.flush(true);
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
        Ok(())
    }

    fn flush(&mut self, last: bool) -> io::Result<bool> {
        while self.tls.wants_write() {
            let mut sink = Sink { socket: &self.socket, flags: flags(last) };
            match unless_blocked(self.tls.write_tls(&mut sink))? {
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// Sends several TLS records with one system call.
struct Sink<'a> {
    socket: &'a TcpStream,
    flags: SendFlags,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.socket, bytes, self.flags)?)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(sendmsg(self.socket, parts, &mut SendAncillaryBuffer::default(), self.flags)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn flags(last: bool) -> SendFlags {
    if last { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL }
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
