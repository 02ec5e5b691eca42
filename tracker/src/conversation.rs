//! One connection: reads, answers and writes in one go, with memory that its thread lends it.

mod patience;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bt::control::Protocol;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exchange::{Answers, Found, MAX_HEADER, Next, Respondent};
use crate::reception::Reception;
pub(crate) use patience::Bell;
use patience::Patience;

/// Reads of at most [`MAX_HEADER`] bytes that are thrown away before closing. What is unread when a connection is
/// closed makes the system reset it, and the client may lose the answer.
const MAX_THROWN: usize = 8;

/// Room for answers that a thread keeps; what a rare large one took is given back.
const KEPT_ANSWERS: usize = 256 * 1024;

thread_local! {
    /// Of this thread: a connection that waits for its client holds no memory for bytes.
    static LENT: RefCell<Lent> = RefCell::new(Lent { input: vec![0; MAX_HEADER], answers: Answers::default() });
}

struct Lent {
    input: Vec<u8>,
    answers: Answers,
}

/// What has been said so far.
struct Dialogue {
    reception: Arc<Reception>,
    peer: IpAddr,
    /// The beginning of a request.
    unread: Vec<u8>,
    /// Whether `unread` may hold a whole request.
    unanswered: bool,
    /// The answer that must come before any other.
    asking: Option<Pin<Box<dyn Future<Output = Found> + Send>>>,
    /// Whether the connection ends once all is sent.
    closing: bool,
    stopping: bool,
}

/// A connection that waits for its client, or for the database.
pub(crate) struct Conversation {
    dialogue: Dialogue,
    stream: tokio::net::TcpStream,
    /// What the client has not yet taken of the answers.
    unsent: Vec<u8>,
    patience: Patience,
}

impl Conversation {
    /// Answers what has already come, as a rule the one request of the connection. Returns what is left to do.
    ///
    /// # Errors
    /// When the client went away.
    pub(crate) fn begin(
        reception: &Arc<Reception>,
        mut stream: TcpStream,
        peer: IpAddr,
    ) -> io::Result<Option<Self>> {
        let mut dialogue = Dialogue {
            reception: Arc::clone(reception),
            peer: peer.to_canonical(),
            unread: Vec::new(),
            unanswered: false,
            asking: None,
            closing: false,
            stopping: false,
        };
        let mut unsent = Vec::new();
        let mut drained = true;
        LENT.with_borrow_mut(|lent| {
            let Some(end @ 1..) = unless_blocked(stream.read(&mut lent.input))? else { return Ok(()) };
            dialogue.respond(lent, end);
            let answers = &lent.answers.bytes[..];
            if !answers.is_empty() {
                let sent = unless_blocked(stream.write(answers))?.unwrap_or(0);
                unsent.extend_from_slice(&answers[sent..]);
            }
            drained = end < lent.input.len();
            Ok::<_, io::Error>(())
        })?;
        if dialogue.closing && unsent.is_empty() && drained {
            return Ok(None);
        }
        // Only now: connections that are over by now need no place among those that the system watches.
        let stream = tokio::net::TcpStream::from_std(stream)?;
        Ok(Some(Self { dialogue, stream, unsent, patience: Patience::new() }))
    }

    /// Answers until either side ends it. After a stop, what has come by then is answered.
    pub(crate) async fn run(mut self) {
        let reception = Arc::clone(&self.dialogue.reception);
        let Reception { bell, shutdown, .. } = &*reception;
        let mut rung = pin!(bell.rung());
        let mut rings = None;
        poll_fn(|cx| {
            self.dialogue.stopping |= shutdown.is_requested();
            // Its errors are the client's, who went away.
            if self.poll_end(cx).is_ready() {
                return Poll::Ready(());
            }
            if self.dialogue.asking.is_some() {
                self.patience.renew();
            }
            // Once asked, it wakes us.
            while rings != Some(bell.rings()) {
                rings = Some(bell.rings());
                if rung.as_mut().poll(cx).is_ready() {
                    rung.set(bell.rung());
                    rings = None;
                    if self.patience.look() {
                        return Poll::Ready(());
                    }
                    if shutdown.is_requested() && !self.dialogue.stopping {
                        cx.waker().wake_by_ref();
                    }
                }
            }
            Poll::Pending
        })
        .await;
    }

    /// Ready when the connection is to be closed.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        LENT.with_borrow_mut(|lent| {
            loop {
                if !self.unsent.is_empty() {
                    let unsent = std::mem::take(&mut self.unsent);
                    ready!(self.poll_send(cx, &unsent))?;
                }
                if self.dialogue.closing {
                    self.throw_away(cx, &mut lent.input);
                    return Poll::Ready(Ok(()));
                }
                lent.answers.bytes.clear();
                if self.dialogue.asking.is_some() {
                    ready!(self.poll_found(cx, lent))?;
                } else {
                    let end = ready!(self.poll_read(cx, &mut lent.input))?;
                    if !self.dialogue.closing {
                        self.dialogue.respond(lent, end);
                    }
                }
                ready!(self.poll_send(cx, &lent.answers.bytes))?;
            }
        })
    }

    /// Sends `bytes`, and keeps what the client does not take now.
    fn poll_send(&mut self, cx: &mut Context<'_>, mut bytes: &[u8]) -> Poll<io::Result<()>> {
        while !bytes.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, bytes)? {
                Poll::Ready(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(count) => {
                    self.patience.renew();
                    bytes = &bytes[count..];
                }
                Poll::Pending => {
                    self.unsent = bytes.to_vec();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Puts what is unread into `input` and what comes next behind it, and says how much that is. Something to answer is
    /// not kept waiting for more.
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut [u8]) -> Poll<io::Result<usize>> {
        let Dialogue { unread, unanswered, closing, stopping, .. } = &mut self.dialogue;
        let kept = unread.len();
        input[..kept].copy_from_slice(unread);
        // After a stop, which answer is the last depends on what else has come.
        if *unanswered && !*stopping {
            return Poll::Ready(Ok(kept));
        }
        let mut buffer = ReadBuf::new(&mut input[kept..]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer)? {
            Poll::Pending if !*unanswered && !*stopping => return Poll::Pending,
            _ => {}
        }
        let came = buffer.filled().len();
        *closing = came == 0 && !*unanswered;
        Poll::Ready(Ok(kept + came))
    }

    /// The answer with the database's help.
    fn poll_found(
        &mut self,
        cx: &mut Context<'_>,
        Lent { input, answers }: &mut Lent,
    ) -> Poll<io::Result<()>> {
        let Some(asking) = &mut self.dialogue.asking else { return Poll::Ready(Ok(())) };
        let found = ready!(asking.as_mut().poll(cx));
        self.dialogue.asking = None;
        self.patience.renew();
        if self.dialogue.stopping {
            let end = ready!(self.poll_read(cx, input))?;
            self.dialogue.unread = input[..end].to_vec();
            self.dialogue.unanswered = end > 0;
        }
        self.dialogue.closing |= found.write(self.dialogue.closing, answers);
        Poll::Ready(Ok(()))
    }

    /// Nothing is waited for.
    fn throw_away(&mut self, cx: &mut Context<'_>, input: &mut [u8]) {
        for _ in 0..MAX_THROWN {
            let mut buffer = ReadBuf::new(input);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
            if !matches!(read, Poll::Ready(Ok(()))) || buffer.remaining() > 0 {
                return;
            }
        }
    }
}

impl Dialogue {
    /// Answers the requests in the first `end` bytes of what is lent.
    fn respond(&mut self, Lent { input, answers }: &mut Lent, end: usize) {
        answers.bytes.clear();
        answers.bytes.shrink_to(KEPT_ANSWERS);
        // A full buffer says that more may have come.
        let stopping = self.stopping && end < input.len();
        let respondent = Respondent {
            tracker: &self.reception.tracker,
            peer: self.peer,
            protocol: Protocol::Http,
            stopping,
        };
        let (done, next) = respondent.respond(&input[..end], answers);
        self.unread.clear();
        if done < end {
            self.unread.extend_from_slice(&input[done..end]);
        } else {
            self.unread = Vec::new();
        }
        self.unanswered = false;
        match next {
            Next::Read => {}
            Next::Respond => self.unanswered = true,
            Next::Ask(open) => {
                self.unanswered = !self.unread.is_empty();
                self.asking = Some(Box::pin(open.ask(Arc::clone(&self.reception.tracker))));
            }
            Next::Close => self.closing = true,
        }
    }
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
