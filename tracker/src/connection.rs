//! One connection: reads, answers and writes in one go, with memory that its thread lends it.

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

/// Reads and answers before others have their turn.
const TURNS: usize = 4;

/// Bytes that are thrown away before closing. What is unread when a connection is closed makes the system reset it, and
/// the client may lose the answer.
const MAX_THROWN: usize = 1 << 20;

/// Room for answers that a thread keeps; what a rare large one took is given back.
const KEPT_ANSWERS: usize = 256 * 1024;

/// What a thread lends each of its connections in turn, so that one that waits for its client holds no buffers.
pub(crate) struct Scratch {
    pub(crate) tracker: Arc<Tracker>,
    /// Coarse time, in ticks.
    pub(crate) now: u32,
    /// Whether each connection ends with what has come by now.
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

/// What becomes of a connection.
#[derive(Debug)]
pub(crate) enum Next {
    /// It waits for its client to send, or for an answer of the database.
    Wait,
    /// It waits for its client to take what was sent.
    WaitToSend,
    /// It could go on, but has had its turn.
    Again,
    /// The database must be asked.
    Ask(Pending),
    /// It is to be closed.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Requests are read.
    Open,
    /// An answer must come before any other.
    Asking,
    /// It ends once all is sent.
    Closing(Ending),
    /// All is sent; so many bytes may still come.
    Lingering(usize),
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    peer: IpAddr,
    stage: Stage,
    /// Whether there may be something to read.
    readable: bool,
    /// Whether a read that takes all there is may be followed by the client's end.
    hung_up: bool,
    /// Whether `unread` may hold a whole request.
    unanswered: bool,
    /// The tick of the last answer, or of when the client had taken it; never of a part of it.
    since: u32,
    /// The beginning of a request.
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

    /// Says that something may have come, and whether the client has ended its side.
    pub(crate) fn note_readable(&mut self, hung_up: bool) {
        self.readable = true;
        self.hung_up |= hung_up;
    }

    /// How many ticks its client has kept us waiting.
    pub(crate) fn quiet(&self, now: u32) -> u32 {
        if self.is_asking() { 0 } else { now.saturating_sub(self.since) }
    }

    /// Whether an answer of the database is waited for, not the client.
    pub(crate) fn is_asking(&self) -> bool {
        self.stage == Stage::Asking
    }

    /// Whether only the client's last bytes are waited for.
    pub(crate) fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Lingering(_))
    }

    /// Reads, answers and sends as far as it goes without waiting.
    pub(crate) fn drive(&mut self, scratch: &mut Scratch) -> Next {
        // Its errors are the client's, who went away.
        self.try_drive(scratch).unwrap_or(Next::End)
    }

    /// Puts in the answer that was asked for, and goes on.
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
                    self.stage = Stage::Lingering(MAX_THROWN);
                    self.since = scratch.now;
                }
                Stage::Lingering(rest) => return self.throw_away(rest, &mut scratch.raw),
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
            // Which answer is the last depends on what else has come.
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
        // After a stop, which answer is the last depends on what else has come.
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
        answers.bytes.shrink_to(KEPT_ANSWERS);
        // A full buffer says that more may have come.
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

    /// Sends what was kept; says whether all of it is sent.
    fn flush(&mut self, now: u32) -> io::Result<bool> {
        let last = self.is_closing();
        // Most are sent at once and never come here with anything.
        if !self.unsent.is_empty() {
            while !self.unsent.is_empty() {
                let sent = self.stream.send(&self.unsent, last)?;
                if sent == 0 {
                    return Ok(false);
                }
                self.unsent.drain(..sent);
            }
            self.unsent = Vec::new();
            // Not sooner: who takes an answer byte by byte does not keep it for ever.
            self.since = now;
        }
        self.stream.flush(last)
    }

    fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing(_))
    }

    fn throw_away(&mut self, mut left: usize, scratch: &mut [u8]) -> io::Result<Next> {
        for _ in 0..TURNS {
            match self.stream.throw_away(scratch)? {
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
