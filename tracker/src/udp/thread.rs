//! One thread that waits for datagrams at its sockets and answers them.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use anyhow::Context;
use infra::shutdown::Shutdown;
use infra::udp::{BATCH, Mailbox};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::errno::Errno;

use super::question::Asker;
use super::respondent::Respondent;
use crate::answer::Asked;

/// Batches of datagrams that are answered after the stop was requested: more than a socket holds as a rule.
const LAST_BATCHES: usize = 64;

const WAKE: Token = Token(usize::MAX);

/// Everything that a thread needs.
pub(super) struct UdpThread {
    poll: Poll,
    sockets: Vec<Arc<UdpSocket>>,
    respondent: Arc<Respondent>,
    asker: Asker,
    shutdown: Shutdown,
    /// What a dropped one reports is lost.
    _waker: Arc<Waker>,
}

impl UdpThread {
    /// Watches the sockets, and `shutdown` in the background.
    pub(super) fn new(
        sockets: Vec<UdpSocket>,
        respondent: Arc<Respondent>,
        asker: Asker,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let poll = Poll::new().context("a poll")?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE).context("a waker")?);
        let kept = Arc::clone(&waker);
        let stop = shutdown.clone();
        shutdown.spawn(async move {
            stop.requested().await;
            if let Err(error) = waker.wake() {
                tracing::error!(%error, "cannot wake a thread");
            }
        });
        for (number, socket) in sockets.iter().enumerate() {
            let fd = socket.as_raw_fd();
            poll.registry().register(&mut SourceFd(&fd), Token(number), Interest::READABLE)?;
        }
        let sockets = sockets.into_iter().map(Arc::new).collect();
        Ok(Self { poll, sockets, respondent, asker, shutdown: shutdown.clone(), _waker: kept })
    }

    /// Answers until the stop is requested, and what has come until then.
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
        // Not longer, whoever goes on sending.
        for _ in 0..LAST_BATCHES {
            if !self.answer_some(&mut mailboxes) {
                break;
            }
        }
    }

    /// One batch of each socket. Says whether more may be waiting: a socket is reported once only until it was empty.
    fn answer_some(&self, mailboxes: &mut [Mailbox]) -> bool {
        let Self { sockets, respondent, asker, .. } = self;
        let mut more = false;
        for (socket, mailbox) in sockets.iter().zip(mailboxes) {
            let result = mailbox.exchange(socket, |datagram, from, out| {
                let mut asked = Asked::default();
                if let Err(subject) = respondent.answer(datagram, from.ip(), &mut asked, out) {
                    asked.note_paid(&subject);
                    asker.ask(datagram, from, socket, asked);
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
