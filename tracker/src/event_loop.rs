//! The event loop of one thread: accepts connections, answers their requests and closes them. It waits for nothing but
//! epoll.

mod handle;
mod slab;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use infra::shutdown::Shutdown;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::runtime::Handle;

use crate::connection::{Connection, Next, Scratch, Stream};
use crate::connection_limit::ConnectionLimit;
use crate::exchange::{Answered, Pending};
use crate::state::Tracker;
use crate::tls::Tls;
pub(crate) use handle::LoopHandle;
use slab::{Key, Slab};

/// Connections accepted at a time, before open ones are served.
const ACCEPT_BATCH: usize = 256;

/// Events taken from epoll at a time.
const EVENTS: usize = 1024;

/// The unit of timeouts. All connections are checked once in each tick.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// Ticks of silence after which a connection is closed while clients wait to be accepted.
const CROWDED_TIMEOUT: u32 = 4;

/// Ticks after the stop in which clients may still send requests and take answers. After that the loop waits for the
/// database only.
const STOP_TIMEOUT: u32 = 6;

/// Ticks in which a client must close its side after a refusal.
const LINGER_TIMEOUT: u32 = 8;

/// Time until the next attempt to accept, after one that the limit of connections or of file descriptors blocked.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

const WAKER: Token = Token(usize::MAX);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    /// The TLS configuration for HTTPS; `None` for HTTP.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Requests that wait for the database: tasks of the main runtime ask it and send the answers back.
struct DatabaseQueue {
    runtime: Handle,
    sender: Sender<(Key, Answered)>,
    answers: Receiver<(Key, Answered)>,
}

/// An event loop, which has listening sockets and connections of its own.
pub(crate) struct EventLoop {
    poll: Poll,
    /// Emptied by the stop.
    listeners: Vec<Listener>,
    connection_limit: ConnectionLimit,
    connections: Slab<Connection>,
    scratch: Scratch,
    database: DatabaseQueue,
    handle: LoopHandle,
    shutdown: Shutdown,
    started: Instant,
    /// Ticks of silence after which a connection is closed.
    timeout: u32,
    /// The tick at which the stop was requested.
    stopped: Option<u32>,
    /// Connections that could go on at once, after others have been served.
    again: Vec<usize>,
    /// Whether clients may be waiting to be accepted.
    accepting: AcceptState,
    /// The token of connection 0. Tokens below it are the listeners', also after the stop.
    first: usize,
    /// When the log last said that no connection can be accepted, in ticks.
    warned: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AcceptState {
    /// Nobody waits: epoll reports the next client.
    Idle,
    /// A full batch was accepted, and more may be waiting.
    Unfinished,
    /// The limit of connections or of file descriptors is reached.
    Blocked,
}

impl EventLoop {
    /// A loop over `listeners`, to be run on a thread of its own. Tasks of the calling runtime ask the database for it.
    pub(crate) fn new(
        listeners: Vec<Listener>,
        tracker: Arc<Tracker>,
        connection_limit: ConnectionLimit,
        timeout: Duration,
        shutdown: Shutdown,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (number, listener) in listeners.iter().enumerate() {
            let descriptor = listener.socket.as_raw_fd();
            poll.registry().register(&mut SourceFd(&descriptor), Token(number), Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, answers) = std::sync::mpsc::channel();
        let first = listeners.len();
        let ticks = timeout.as_millis().div_ceil(TICK.as_millis());
        Ok(Self {
            poll,
            listeners,
            connection_limit,
            connections: Slab::new(),
            scratch: Scratch::new(tracker),
            database: DatabaseQueue { runtime: Handle::current(), sender, answers },
            handle: LoopHandle { waker, cut: Arc::default() },
            shutdown,
            started: Instant::now(),
            timeout: u32::try_from(ticks).unwrap_or(u32::MAX),
            stopped: None,
            again: Vec::new(),
            accepting: AcceptState::Idle,
            first,
            warned: None,
        })
    }

    pub(crate) fn handle(&self) -> LoopHandle {
        self.handle.clone()
    }

    /// Serves connections until the stop is requested, then those that have a request under way.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut checked = 0;
        while !self.handle.cut.load(Ordering::Acquire) {
            if let Err(error) = self.poll.poll(&mut events, self.wait()) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "cannot wait for events of connections");
                    self.shutdown.request();
                    return;
                }
                continue;
            }
            self.scratch.now = ticks(self.started.elapsed());
            self.scratch.crowded = self.connection_limit.is_crowded();
            // Before the events: an answer after the stop says that its connection closes.
            if self.shutdown.is_requested() && !self.scratch.stopping {
                self.stop();
            }
            for event in &events {
                match event.token().0 {
                    number if number < self.first => self.accept(number),
                    _ if event.token() == WAKER => self.take_answers(),
                    number => self.serve(number - self.first, event),
                }
            }
            for index in std::mem::take(&mut self.again) {
                self.drive(index);
            }
            if self.accepting != AcceptState::Idle {
                self.accept_all();
            }
            if checked != self.scratch.now {
                checked = self.scratch.now;
                self.close_quiet();
            }
            if self.scratch.stopping && self.connections.len() == 0 {
                return;
            }
        }
    }

    /// How long epoll may wait for events.
    fn wait(&self) -> Option<Duration> {
        if !self.again.is_empty() || self.accepting == AcceptState::Unfinished {
            Some(Duration::ZERO)
        } else if self.accepting == AcceptState::Blocked {
            Some(ACCEPT_RETRY)
        } else {
            (self.connections.len() > 0).then_some(TICK)
        }
    }

    fn set_accepting(&mut self, accepting: AcceptState) {
        let blocked = accepting == AcceptState::Blocked;
        if blocked != (self.accepting == AcceptState::Blocked) {
            self.connection_limit.set_waiting(blocked);
        }
        self.accepting = accepting;
    }

    fn accept_all(&mut self) {
        self.set_accepting(AcceptState::Idle);
        for number in 0..self.listeners.len() {
            self.accept(number);
        }
    }

    /// Accepts up to [`ACCEPT_BATCH`] clients that wait at a listener.
    fn accept(&mut self, number: usize) {
        for _ in 0..ACCEPT_BATCH {
            let Some(Listener { socket, tls }) = self.listeners.get(number) else { return };
            if !self.connection_limit.acquire() {
                return self.set_accepting(AcceptState::Blocked);
            }
            match acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((socket, peer)) => {
                    let socket = TcpStream::from(socket);
                    let stream = match tls {
                        None => Some(Stream::clear(socket)),
                        Some(tls) => tls.accept().map(|session| Stream::sealed(socket, session)),
                    };
                    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                    match stream.zip(peer) {
                        Some((stream, peer)) => {
                            let connection = Connection::new(stream, peer.ip(), self.scratch.now);
                            self.begin(connection);
                        }
                        None => self.connection_limit.release(),
                    }
                }
                Err(error) => {
                    self.connection_limit.release();
                    match io::Error::from(error).kind() {
                        io::ErrorKind::WouldBlock => return,
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                        _ => return self.cannot_accept(&error.into()),
                    }
                }
            }
        }
        self.set_accepting(AcceptState::Unfinished);
    }

    /// Most often no file descriptor is left; open connections will give some back.
    fn cannot_accept(&mut self, error: &io::Error) {
        self.set_accepting(AcceptState::Blocked);
        if self.warned.is_none_or(|tick| self.scratch.now.saturating_sub(tick) > CROWDED_TIMEOUT) {
            tracing::warn!(%error, "cannot accept a connection");
            self.warned = Some(self.scratch.now);
        }
    }

    /// Answers what a new connection has already sent: for most clients its only request. Only connections that go on
    /// after that are registered with epoll.
    fn begin(&mut self, mut connection: Connection) {
        let next = connection.drive(&mut self.scratch);
        if matches!(next, Next::End) {
            self.connection_limit.release();
            return;
        }
        let descriptor = connection.descriptor();
        let index = self.connections.insert(connection);
        let token = Token(self.first + index);
        match self.poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE) {
            Ok(()) => self.follow(index, next),
            Err(_) => self.end(index),
        }
    }

    /// Serves a connection after an event. The connection may have been closed since, or replaced by another with the
    /// same number, which has nothing to read then.
    fn serve(&mut self, index: usize, event: &Event) {
        if let Some(connection) = self.connections.at(index) {
            connection.note_readable(event.is_read_closed() || event.is_error());
            self.drive(index);
        }
    }

    fn drive(&mut self, index: usize) {
        if let Some(connection) = self.connections.at(index) {
            let next = connection.drive(&mut self.scratch);
            self.follow(index, next);
        }
    }

    fn follow(&mut self, index: usize, next: Next) {
        match next {
            Next::Wait => {}
            Next::WaitToSend => self.watch_for_room(index),
            Next::Again => self.again.push(index),
            Next::Ask(pending) => self.ask(index, pending),
            Next::End => self.end(index),
        }
    }

    /// Also waits until the client takes more: few take so little that an answer does not fit.
    fn watch_for_room(&mut self, index: usize) {
        let Some(connection) = self.connections.at(index) else { return };
        let descriptor = connection.descriptor();
        let (token, interest) = (Token(self.first + index), Interest::READABLE | Interest::WRITABLE);
        if self.poll.registry().reregister(&mut SourceFd(&descriptor), token, interest).is_err() {
            self.end(index);
        }
    }

    /// Closes a connection, which removes it from epoll.
    fn end(&mut self, index: usize) {
        self.connections.remove(index);
        self.connection_limit.release();
        if self.accepting == AcceptState::Blocked {
            self.set_accepting(AcceptState::Unfinished);
        }
    }

    fn ask(&mut self, index: usize, pending: Pending) {
        let (key, sender, handle) =
            (self.connections.key(index), self.database.sender.clone(), self.handle.clone());
        let tracker = Arc::clone(&self.scratch.tracker);
        self.database.runtime.spawn(async move {
            // Fails once the loop has ended.
            let _ = sender.send((key, pending.answer(tracker).await));
            handle.wake();
        });
    }

    fn take_answers(&mut self) {
        while let Ok((key, answered)) = self.database.answers.try_recv() {
            if let Some(index) = self.connections.find(key)
                && let Some(connection) = self.connections.at(index)
            {
                let next = connection.finish_pending(answered, &mut self.scratch);
                self.follow(index, next);
            }
        }
    }

    /// Closes connections that were quiet for too long: sooner while clients wait to be accepted, and after the stop.
    fn close_quiet(&mut self) {
        let timeout = if self.scratch.crowded { self.timeout.min(CROWDED_TIMEOUT) } else { self.timeout };
        let now = self.scratch.now;
        let over = self.stopped.is_some_and(|tick| now.saturating_sub(tick) >= STOP_TIMEOUT);
        for index in self.connections.indices() {
            if let Some(connection) = self.connections.at(index) {
                let limit = if connection.is_lingering() { timeout.min(LINGER_TIMEOUT) } else { timeout };
                if connection.quiet(now) > limit || (over && !connection.is_asking()) {
                    self.end(index);
                }
            }
        }
    }

    /// Answers what clients have sent by now, and closes connections that have no request under way.
    fn stop(&mut self) {
        self.scratch.stopping = true;
        self.stopped = Some(self.scratch.now);
        // Clients in the system's queue see a connection already: they are served as well.
        while !self.listeners.is_empty() {
            self.set_accepting(AcceptState::Idle);
            self.accept(self.listeners.len() - 1);
            if self.accepting != AcceptState::Unfinished {
                self.listeners.pop();
            }
        }
        self.set_accepting(AcceptState::Idle);
        for index in self.connections.indices() {
            if let Some(connection) = self.connections.at(index) {
                connection.note_readable(false);
                self.drive(index);
            }
        }
    }
}

fn ticks(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX)
}
