//! One UDP thread: waits for datagrams at its sockets and answers them.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use anyhow::Context;
use infra::shutdown::Shutdown;
use infra::udp::{BATCH, Mailbox};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::errno::Errno;

use super::pending::PendingQueue;
use super::respondent::Respondent;
use crate::answer::RequestState;

/// Batches of datagrams that are answered after the stop was requested: more than a socket holds as a rule.
const LAST_BATCHES: usize = 64;

const WAKE: Token = Token(usize::MAX);

/// A UDP thread before and while it runs.
pub(super) struct UdpThread {
    poll: Poll,
    sockets: Vec<Arc<UdpSocket>>,
    respondent: Arc<Respondent>,
    pending: PendingQueue,
    shutdown: Shutdown,
    /// Kept alive: the wake-ups of a dropped waker are lost.
    _waker: Arc<Waker>,
}

impl UdpThread {
    /// Registers the sockets, and has a task wake the thread at the stop.
    pub(super) fn new(
        sockets: Vec<UdpSocket>,
        respondent: Arc<Respondent>,
        pending: PendingQueue,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot create an epoll instance")?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE).context("cannot create a waker")?);
        let kept = Arc::clone(&waker);
        let stop = shutdown.clone();
        shutdown.spawn(async move {
            stop.requested().await;
            if let Err(error) = waker.wake() {
                tracing::error!(%error, "cannot wake a UDP thread");
            }
        });
        for (number, socket) in sockets.iter().enumerate() {
            let fd = socket.as_raw_fd();
            poll.registry().register(&mut SourceFd(&fd), Token(number), Interest::READABLE)?;
        }
        let sockets = sockets.into_iter().map(Arc::new).collect();
        Ok(Self { poll, sockets, respondent, pending, shutdown: shutdown.clone(), _waker: kept })
    }

    /// Answers until the stop is requested, and then the datagrams that have come by then.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(16);
        let mut mailboxes: Vec<Mailbox> = self.sockets.iter().map(|_| Mailbox::new()).collect();
        while !self.shutdown.is_requested() {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "cannot wait for datagrams");
                    self.shutdown.request();
                }
                _ => while !self.shutdown.is_requested() && self.answer_some(&mut mailboxes) {},
            }
        }
        // Bounded, as clients may go on sending.
        for _ in 0..LAST_BATCHES {
            if !self.answer_some(&mut mailboxes) {
                break;
            }
        }
    }

    /// Answers one batch of each socket. Says whether more may be waiting: epoll reports a socket again only after it
    /// was empty.
    fn answer_some(&self, mailboxes: &mut [Mailbox]) -> bool {
        let Self { sockets, respondent, pending, .. } = self;
        let mut more = false;
        for (socket, mailbox) in sockets.iter().zip(mailboxes) {
            let result = mailbox.exchange(socket, |datagram, from, out| {
                let mut state = RequestState::default();
                if let Err(subject) = respondent.answer(datagram, from.ip(), &mut state, out) {
                    state.note_paid(&subject);
                    pending.ask(datagram, from, socket, state);
                }
            });
            match result {
                Ok(read) => more |= read == BATCH,
                Err(Errno::EINTR) => more = true,
                Err(error) => tracing::warn!(%error, "cannot read datagrams"),
            }
        }
        more
    }
}
