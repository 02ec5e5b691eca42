//! Requests that memory cannot answer: tasks of the main runtime ask the database, while the threads go on.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use infra::shutdown::Shutdown;
use nix::sys::socket::{MsgFlags, SockaddrStorage, sendto};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::respondent::Respondent;
use crate::answer::{MAX_LOOKUPS, RequestState};

/// Requests that may wait for the database at the same time. Further ones get no answer, and their clients repeat them.
const MAX_PENDING: usize = 4096;

/// Hands over requests that memory cannot answer.
#[derive(Clone)]
pub(super) struct PendingQueue {
    requests: mpsc::UnboundedSender<Pending>,
    /// Bounds the requests that wait in the channel or for the database.
    permits: Arc<Semaphore>,
}

/// A request that waits for the database.
pub(super) struct Pending {
    datagram: Box<[u8]>,
    from: SocketAddr,
    socket: Arc<UdpSocket>,
    state: RequestState,
    permit: OwnedSemaphorePermit,
}

impl PendingQueue {
    pub(super) fn new(requests: mpsc::UnboundedSender<Pending>) -> Self {
        Self { requests, permits: Arc::new(Semaphore::new(MAX_PENDING)) }
    }

    /// Has `datagram` answered later, through `socket`, if there is room.
    pub(super) fn ask(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        socket: &Arc<UdpSocket>,
        state: RequestState,
    ) {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            let (datagram, socket) = (datagram.into(), Arc::clone(socket));
            let request = Pending { datagram, from, socket, state, permit };
            // Fails only when the process ends.
            let _ = self.requests.send(request);
        }
    }
}

/// Answers until every [`PendingQueue`] is gone.
pub(super) async fn run(
    respondent: Arc<Respondent>,
    mut requests: mpsc::UnboundedReceiver<Pending>,
    shutdown: Shutdown,
) {
    while let Some(request) = requests.recv().await {
        let respondent = Arc::clone(&respondent);
        shutdown.spawn(async move { request.answer(&respondent).await });
    }
}

impl Pending {
    async fn answer(self, respondent: &Respondent) {
        let Self { datagram, from, socket, mut state, permit } = self;
        let mut out = Vec::new();
        for _ in 0..MAX_LOOKUPS {
            let Err(subject) = respondent.answer(&datagram, from.ip(), &mut state, &mut out) else {
                break;
            };
            state.note(&subject);
            if respondent.tracker.directory.ask(subject).await.is_err() {
                respondent.give_up(&datagram, from.ip(), state, &mut out);
                break;
            }
        }
        if !out.is_empty() {
            // A client that gets no answer asks again.
            let _ = sendto(socket.as_raw_fd(), &out, &SockaddrStorage::from(from), MsgFlags::empty());
        }
        drop(permit);
    }
}
