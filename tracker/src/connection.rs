//! One connection: reads requests, answers them and sends the answers, in buffers that its thread lends it.

mod stream;

use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::Arc;

use bt::messages::control::Protocol;

use crate::exchange::{AfterSend, Answered, Answers, Ending, MAX_HEADER, Pending, Respondent};
use crate::state::Tracker;
use stream::Received;
pub(crate) use stream::Stream;

/// Reads of one connection before others are served.
const TURNS: usize = 4;

/// Bytes that are read and ignored before a connection is closed, at most. Bytes left unread would make the system
/// reset the connection, and the client could lose the answer.
const MAX_IGNORED: usize = 1 << 20;

/// Capacity of a thread's buffer of answers; what a rare larger answer took is freed.
const ANSWER_CAPACITY: usize = 256 * 1024;

/// What a thread lends each of its connections in turn, so that one that waits for its client holds no buffers.
pub(crate) struct Scratch {
    pub(crate) tracker: Arc<Tracker>,
    /// Time since the start of the loop, in ticks.
    pub(crate) now: u32,
    /// Whether the process stops: each connection ends after the requests that have come by now.
    pub(crate) stopping: bool,
    /// Whether clients wait to be accepted because the limit of connections is reached.
    pub(crate) crowded: bool,
    /// Requests, as they are read.
    input: Vec<u8>,
    /// Bytes of a TLS connection before they are opened, and those that nobody reads.
    raw: Vec<u8>,
    answers: Answers,
}

impl Scratch {
    pub(crate) fn new(tracker: Arc<Tracker>) -> Self {
        let (input, raw) = (vec![0; MAX_HEADER], vec![0; MAX_HEADER]);
        let answers = Answers::default();
        Self { tracker, now: 0, stopping: false, crowded: false, input, raw, answers }
    }
}

/// What a connection does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Waits for its client to send, or for an answer of the database.
    Wait,
    /// Waits for its client to take what was sent.
    WaitToSend,
    /// Goes on at once, after others have been served.
    Again,
    /// Asks the database for what a request needs.
    Ask(Pending),
    /// Closes.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reads requests.
    Open,
    /// Waits for the database: the answer to the pending request comes before any other.
    Asking,
    /// Closes once everything is sent.
    Closing(Ending),
    /// Everything is sent; the client may still send this number of bytes, which are ignored.
    Lingering(usize),
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    peer: IpAddr,
    stage: Stage,
    /// Whether the socket may have bytes to read.
    readable: bool,
    /// Whether the client has closed its side: a read that empties the socket is followed by one that says so.
    hung_up: bool,
    /// Whether `unread` may hold a whole request.
    unanswered: bool,
    /// The tick of the last answer, or of the moment at which the client had taken all of it. A client that takes an
    /// answer byte by byte does not renew it.
    since: u32,
    /// Bytes of requests that are not answered yet.
    unread: Vec<u8>,
    /// What the client has not yet taken of the answers.
    unsent: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: Stream, peer: IpAddr, now: u32) -> Self {
        Self {
            stream,
            peer: peer.to_canonical(),
            stage: Stage::Open,
            readable: true,
            hung_up: false,
            unanswered: false,
            since: now,
            unread: Vec::new(),
            unsent: Vec::new(),
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.stream.descriptor()
    }

    /// Notes that there may be bytes to read, and whether the client has closed its side.
    pub(crate) fn note_readable(&mut self, hung_up: bool) {
        self.readable = true;
        self.hung_up |= hung_up;
    }

    /// Ticks since the client was last heard, or served; 0 while the database is asked.
    pub(crate) fn quiet(&self, now: u32) -> u32 {
        if self.is_asking() { 0 } else { now.saturating_sub(self.since) }
    }

    /// Whether it waits for the database, not for its client.
    pub(crate) fn is_asking(&self) -> bool {
        self.stage == Stage::Asking
    }

    /// Whether it waits only for the client to close its side.
    pub(crate) fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Lingering(_))
    }

    /// Reads, answers and sends as far as it goes without waiting.
    pub(crate) fn drive(&mut self, scratch: &mut Scratch) -> Next {
        // An error says that the client is gone.
        self.try_drive(scratch).unwrap_or(Next::End)
    }

    /// Sends the answer to the pending request, and goes on.
    pub(crate) fn finish_pending(&mut self, answered: Answered, scratch: &mut Scratch) -> Next {
        if self.stage != Stage::Asking {
            return Next::Wait;
        }
        self.try_finish_pending(answered, scratch).unwrap_or(Next::End)
    }

    fn try_drive(&mut self, scratch: &mut Scratch) -> io::Result<Next> {
        for _ in 0..TURNS {
            if !self.flush(scratch.now)? {
                return Ok(Next::WaitToSend);
            }
            match self.stage {
                Stage::Asking => return Ok(Next::Wait),
                Stage::Closing(Ending::Clean) => return Ok(Next::End),
                Stage::Closing(Ending::Unread) => {
                    self.stream.end()?;
                    self.stage = Stage::Lingering(MAX_IGNORED);
                    self.since = scratch.now;
                }
                Stage::Lingering(rest) => return self.ignore_input(rest, &mut scratch.raw),
                Stage::Open => {
                    if !self.readable && !self.unanswered && !scratch.stopping {
                        return Ok(Next::Wait);
                    }
                    let Some(end) = self.receive(scratch)? else { return Ok(Next::End) };
                    if end == self.unread.len() && !self.unanswered && !scratch.stopping {
                        return Ok(Next::Wait);
                    }
                    if let Some(pending) = self.respond(scratch, end)? {
                        return Ok(Next::Ask(pending));
                    }
                }
            }
        }
        Ok(Next::Again)
    }

    fn try_finish_pending(&mut self, answered: Answered, scratch: &mut Scratch) -> io::Result<Next> {
        self.stage = Stage::Open;
        self.since = scratch.now;
        let mut last = false;
        if scratch.stopping {
            // The answer says that the connection closes, unless further requests have come.
            let (before, waited) = (self.unread.len(), self.unanswered);
            let end = self.receive(scratch)?.unwrap_or(before);
            last = end == before && !waited;
            self.unread = scratch.input[..end].to_vec();
            self.unanswered = end > 0;
        }
        scratch.answers.bytes.clear();
        let ending = answered.write(last, &mut scratch.answers);
        if let Some(ending) = ending {
            let unread = self.readable || !self.unread.is_empty();
            self.stage = Stage::Closing(if unread { Ending::Unread } else { ending });
        }
        self.send(scratch)?;
        self.try_drive(scratch)
    }

    /// Copies what is unread into `input`, reads more behind it, and returns the number of bytes there; `None` when
    /// nothing will come. Something to answer is not kept waiting for more.
    fn receive(&mut self, Scratch { input, raw, stopping, .. }: &mut Scratch) -> io::Result<Option<usize>> {
        let kept = self.unread.len();
        input[..kept].copy_from_slice(&self.unread);
        let rest = &mut input[kept..];
        // After a stop, the last answer says that the connection closes: whether more has come must be known.
        if (self.unanswered && !*stopping) || rest.is_empty() {
            return Ok(Some(kept));
        }
        match self.stream.receive(rest, raw)? {
            Received::Bytes { count, drained } => {
                self.readable = !drained || self.hung_up;
                Ok(Some(kept + count))
            }
            Received::Nothing => {
                self.readable = false;
                Ok(Some(kept))
            }
            Received::End => Ok(self.unanswered.then_some(kept)),
        }
    }

    /// Answers the requests in the first `end` bytes of the input. Returns one that needs the database.
    fn respond(&mut self, scratch: &mut Scratch, end: usize) -> io::Result<Option<Pending>> {
        let Scratch { tracker, stopping, crowded, input, answers, .. } = &mut *scratch;
        answers.bytes.clear();
        answers.bytes.shrink_to(ANSWER_CAPACITY);
        // A full buffer means that more may have come.
        let stopping = *stopping && end < input.len();
        let protocol = if self.stream.is_sealed() { Protocol::Https } else { Protocol::Http };
        let respondent = Respondent { tracker, peer: self.peer, protocol, stopping, crowded: *crowded };
        let (done, next) = respondent.respond(&input[..end], answers);
        self.unread.clear();
        if done < end {
            self.unread.extend_from_slice(&input[done..end]);
        } else {
            self.unread = Vec::new();
        }
        self.unanswered = matches!(next, AfterSend::Respond | AfterSend::Ask(_)) && !self.unread.is_empty();
        let pending = match next {
            AfterSend::Read | AfterSend::Respond => None,
            AfterSend::Ask(pending) => {
                self.stage = Stage::Asking;
                Some(pending)
            }
            AfterSend::Close(ending) => {
                self.stage = Stage::Closing(if self.readable { Ending::Unread } else { ending });
                None
            }
        };
        self.send(scratch)?;
        Ok(pending)
    }

    /// Sends the answers, and keeps what the client does not take now.
    fn send(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        let bytes = &scratch.answers.bytes[..];
        if bytes.is_empty() {
            return Ok(());
        }
        self.since = scratch.now;
        let sent = if self.unsent.is_empty() { self.stream.send(bytes, self.is_closing())? } else { 0 };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what the client did not take before; says whether everything is sent.
    fn flush(&mut self, now: u32) -> io::Result<bool> {
        let last = self.is_closing();
        // Most answers are sent at once and leave nothing unsent.
        if !self.unsent.is_empty() {
            while !self.unsent.is_empty() {
                let sent = self.stream.send(&self.unsent, last)?;
                if sent == 0 {
                    return Ok(false);
                }
                self.unsent.drain(..sent);
            }
            self.unsent = Vec::new();
            // Not before: a client that takes an answer byte by byte must not keep its connection for ever.
            self.since = now;
        }
        self.stream.flush(last)
    }

    fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing(_))
    }

    fn ignore_input(&mut self, mut left: usize, scratch: &mut [u8]) -> io::Result<Next> {
        for _ in 0..TURNS {
            match self.stream.ignore_input(scratch)? {
                Received::Bytes { count, .. } if count < left => left -= count,
                Received::Nothing => {
                    self.stage = Stage::Lingering(left);
                    return Ok(Next::Wait);
                }
                Received::Bytes { .. } | Received::End => return Ok(Next::End),
            }
        }
        self.stage = Stage::Lingering(left);
        Ok(Next::Again)
    }
}
