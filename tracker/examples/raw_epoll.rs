//! The limit that the system sets: `raw_epoll ADDR:PORT` answers every read with 350 constant bytes, on one thread.
//! With `deferred` behind it, connections are accepted only once their first bytes are there, as the tracker does.
//!
//! One read and one write for each request. Nothing is parsed except whether the client wants the connection closed. A
//! connection that ends with its first answer is never registered, and its answer and its end leave in one segment.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use memchr::memmem::Finder;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::setsockopt_impl;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SetStruct;
use rustix::net::{SendFlags, SocketFlags, accept_with, send};
use socket2::{Domain, Socket, Type};

const LISTENER: Token = Token(usize::MAX);

struct Server {
    poll: Poll,
    /// The open connections, by file descriptor.
    connections: Vec<Option<TcpStream>>,
    input: Vec<u8>,
    kept: Vec<u8>,
    closed: Vec<u8>,
    close: Finder<'static>,
}

impl Server {
    /// Accepts all waiting clients. Most have sent their request by then.
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(stream) => self.begin(stream.into())?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn begin(&mut self, mut stream: TcpStream) -> io::Result<()> {
        if self.serve(&mut stream) {
            let number = stream.as_raw_fd();
            let at = usize::try_from(number).unwrap_or_default();
            self.poll.registry().register(&mut SourceFd(&number), Token(at), Interest::READABLE)?;
            if at >= self.connections.len() {
                self.connections.resize_with(at + 1, || None);
            }
            self.connections[at] = Some(stream);
        }
        Ok(())
    }

    /// Answers one read, and says whether the connection stays open.
    fn serve(&mut self, stream: &mut TcpStream) -> bool {
        match stream.read(&mut self.input) {
            Ok(count @ 1..) if self.close.find(&self.input[..count]).is_some() => {
                let _ = send(stream, &self.closed, SendFlags::MORE | SendFlags::NOSIGNAL);
                false
            }
            Ok(1..) => stream.write(&self.kept).is_ok(),
            Ok(0) => false,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

#[derive(Clone)]
struct DeferAccept;
setsockopt_impl!(DeferAccept, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, i32, SetStruct<'_, i32>);

fn listen(address: SocketAddr, deferred: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    if deferred {
        setsockopt(&socket, DeferAccept, &1)?;
    }
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

fn answer(header: &str) -> Vec<u8> {
    let body = "e".repeat(350);
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 350{header}\r\n\r\n{body}").into()
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = listen(address.parse()?, arguments.next().as_deref() == Some("deferred"))?;
    println!("listening {}", listener.local_addr()?);
    let mut server = Server {
        poll: Poll::new()?,
        connections: Vec::new(),
        input: vec![0; 16 * 1024],
        kept: answer(""),
        closed: answer("\r\nConnection: close"),
        close: Finder::new("\r\nConnection: close"),
    };
    server.poll.registry().register(&mut SourceFd(&listener.as_raw_fd()), LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    loop {
        server.poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                server.accept(&listener)?;
                continue;
            }
            let at = event.token().0;
            // Closing removes it from epoll.
            if let Some(mut stream) = server.connections[at].take()
                && server.serve(&mut stream)
            {
                server.connections[at] = Some(stream);
            }
        }
    }
}
