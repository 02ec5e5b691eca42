//! One thread's loop: accepts, answers, closes; it never waits for anything but the system.

mod slab;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use slab::{Key, Slab};

/// Connections accepted before others have their turn.
const AT_ONCE: usize = 256;

/// Events taken at once.
const EVENTS: usize = 1024;

/// What time-outs are counted in; all connections are looked at so often.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// Ticks after which a quiet connection gives its place to one that waits for it.
const PRESSED: u32 = 4;

/// Ticks after the stop in which clients may still send and take; after that only the database is waited for.
const GRACE: u32 = 6;

/// Ticks that a client has to end its side after a refusal.
const LINGER: u32 = 8;

/// While nobody can be accepted (no place, no file descriptor): time until it is tried again.
const PAUSE: Duration = Duration::from_millis(10);

const WAKER: Token = Token(usize::MAX);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    /// How its connections are sealed, if they are.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Wakes or stops an event loop from another thread.
#[derive(Debug, Clone)]
pub(crate) struct LoopHandle {
    waker: Arc<Waker>,
    cut: Arc<AtomicBool>,
}

impl LoopHandle {
    /// Makes the loop look for answers of the database and for the stop.
    pub(crate) fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake an event-loop thread");
        }
    }

    /// Ends the loop at once, with all its connections.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.wake();
    }
}

/// Requests that wait for the database: tasks of the main runtime ask it and send the answers back.
struct DatabaseQueue {
    runtime: Handle,
    sender: Sender<(Key, Answered)>,
    answers: Receiver<(Key, Answered)>,
}

/// What one thread works with.
pub(crate) struct EventLoop {
    poll: Poll,
    /// Empty from the stop on.
    listeners: Vec<Listener>,
    connection_limit: ConnectionLimit,
    connections: Slab<Connection>,
    scratch: Scratch,
    database: DatabaseQueue,
    handle: LoopHandle,
    shutdown: Shutdown,
    started: Instant,
    /// Ticks that a client may keep us waiting.
    patience: u32,
    /// The tick of the stop.
    stopped: Option<u32>,
    /// Connections that have had their turn and could go on.
    again: Vec<usize>,
    /// Somebody may wait to be accepted.
    backlog: Backlog,
    /// Tokens below it are those of listeners, also after the stop.
    first: usize,
    /// The last tick at which the log was told that nobody can be accepted.
    complained: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backlog {
    Empty,
    /// Others had their turn first.
    Waiting,
    /// There is no room.
    Refused,
}

impl EventLoop {
    /// For a thread to be; the runtime of the caller asks the database.
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
            patience: u32::try_from(ticks).unwrap_or(u32::MAX),
            stopped: None,
            again: Vec::new(),
            backlog: Backlog::Empty,
            first,
            complained: None,
        })
    }

    pub(crate) fn handle(&self) -> LoopHandle {
        self.handle.clone()
    }

    /// Answers until the stop is requested, and runs on for what is under way then.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut looked = 0;
        while !self.handle.cut.load(Ordering::Acquire) {
            if let Err(error) = self.poll.poll(&mut events, self.wait()) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "cannot wait for connections");
                    self.shutdown.request();
                    return;
                }
                continue;
            }
            self.scratch.now = ticks(self.started.elapsed());
            self.scratch.crowded = self.connection_limit.is_crowded();
            // First: answers that come because of the stop are the last of their connections.
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
            if self.backlog != Backlog::Empty {
                self.accept_all();
            }
            if looked != self.scratch.now {
                looked = self.scratch.now;
                self.look();
            }
            if self.scratch.stopping && self.connections.len() == 0 {
                return;
            }
        }
    }

    /// How long the system may let us wait.
    fn wait(&self) -> Option<Duration> {
        if !self.again.is_empty() || self.backlog == Backlog::Waiting {
            Some(Duration::ZERO)
        } else if self.backlog == Backlog::Refused {
            Some(PAUSE)
        } else {
            (self.connections.len() > 0).then_some(TICK)
        }
    }

    fn note_backlog(&mut self, backlog: Backlog) {
        let refused = backlog == Backlog::Refused;
        if refused != (self.backlog == Backlog::Refused) {
            self.connection_limit.set_waiting(refused);
        }
        self.backlog = backlog;
    }

    fn accept_all(&mut self) {
        self.note_backlog(Backlog::Empty);
        for number in 0..self.listeners.len() {
            self.accept(number);
        }
    }

    /// Accepts those who wait.
    fn accept(&mut self, number: usize) {
        for _ in 0..AT_ONCE {
            let Some(Listener { socket, tls }) = self.listeners.get(number) else { return };
            if !self.connection_limit.acquire() {
                return self.note_backlog(Backlog::Refused);
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
        self.note_backlog(Backlog::Waiting);
    }

    /// As a rule no file descriptor is left: others will close theirs.
    fn cannot_accept(&mut self, error: &io::Error) {
        self.note_backlog(Backlog::Refused);
        if self.complained.is_none_or(|tick| self.scratch.now.saturating_sub(tick) > PRESSED) {
            tracing::warn!(%error, "cannot accept a connection");
            self.complained = Some(self.scratch.now);
        }
    }

    /// Answers what has already come, as a rule the one request of the connection. Only what goes on after that needs a
    /// place among those that the system watches.
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

    /// Something happened on a connection. It may be over by now, or another one: then there is nothing to answer.
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

    /// Few clients take so little at once that an answer has to wait.
    fn watch_for_room(&mut self, index: usize) {
        let Some(connection) = self.connections.at(index) else { return };
        let descriptor = connection.descriptor();
        let (token, interest) = (Token(self.first + index), Interest::READABLE | Interest::WRITABLE);
        if self.poll.registry().reregister(&mut SourceFd(&descriptor), token, interest).is_err() {
            self.end(index);
        }
    }

    /// Closing takes it out of what is watched.
    fn end(&mut self, index: usize) {
        self.connections.remove(index);
        self.connection_limit.release();
        if self.backlog == Backlog::Refused {
            self.note_backlog(Backlog::Waiting);
        }
    }

    fn ask(&mut self, index: usize, pending: Pending) {
        let (key, sender, handle) =
            (self.connections.key(index), self.database.sender.clone(), self.handle.clone());
        let tracker = Arc::clone(&self.scratch.tracker);
        self.database.runtime.spawn(async move {
            // The thread may have ended.
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

    /// Closes the connections of those who keep us waiting; sooner where others wait for a place, or for the end.
    fn look(&mut self) {
        let patience = if self.scratch.crowded { self.patience.min(PRESSED) } else { self.patience };
        let now = self.scratch.now;
        let over = self.stopped.is_some_and(|tick| now.saturating_sub(tick) >= GRACE);
        for index in self.connections.indices() {
            if let Some(connection) = self.connections.at(index) {
                let limit = if connection.is_lingering() { patience.min(LINGER) } else { patience };
                if connection.quiet(now) > limit || (over && !connection.is_asking()) {
                    self.end(index);
                }
            }
        }
    }

    /// Answers what has come by now, and closes what has nothing under way.
    fn stop(&mut self) {
        self.scratch.stopping = true;
        self.stopped = Some(self.scratch.now);
        // Those who wait in the system's queue have been told that they are connected.
        while !self.listeners.is_empty() {
            self.note_backlog(Backlog::Empty);
            self.accept(self.listeners.len() - 1);
            if self.backlog != Backlog::Waiting {
                self.listeners.pop();
            }
        }
        self.note_backlog(Backlog::Empty);
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
