//! The accept loop: a cap on connections, and sockets that close at once when the process stops.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use infra::shutdown::Shutdown;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Tracker;
use crate::conversation::{Bell, Conversation};

/// Connections accepted before others have their turn.
const AT_ONCE: usize = 64;

/// After a failed accept (as a rule no file descriptor is left): time for others to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Room for connections; clones share it.
#[derive(Clone)]
pub(crate) struct Places(Arc<Semaphore>);

impl Places {
    /// Room for so many at the same time. More wait, all but one of a listening socket in the system's queue.
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))))
    }
}

/// What the connections of one thread share.
pub(crate) struct Reception {
    pub(crate) tracker: Arc<Tracker>,
    pub(crate) places: Places,
    pub(crate) bell: Bell,
    pub(crate) shutdown: Shutdown,
}

impl Reception {
    /// Accepts on `listener` in the background, until the stop is requested.
    pub(crate) fn open(self: &Arc<Self>, listener: TcpListener) -> io::Result<()> {
        // An answer is one write; waiting to fill a packet only delays it. Accepted connections inherit the option.
        SockRef::from(&listener).set_tcp_nodelay(true)?;
        #[expect(deprecated, reason = "sound here: a TcpListener has one descriptor until it is dropped")]
        let listener = AsyncFd::with_interest(listener, Interest::READABLE)?;
        let this = Arc::clone(self);
        self.shutdown.spawn(async move { this.accept_all(listener).await });
        Ok(())
    }

    async fn accept_all(self: &Arc<Self>, listener: AsyncFd<TcpListener>) {
        let mut stop = pin!(self.shutdown.requested());
        while !self.shutdown.is_requested() {
            tokio::select! {
                biased;
                () = self.accept_some(&listener) => {}
                () = stop.as_mut() => return,
            }
        }
    }

    /// Accepts those who wait, and lets others of this thread have their turn.
    async fn accept_some(self: &Arc<Self>, listener: &AsyncFd<TcpListener>) {
        let Ok(mut readiness) = listener.readable().await else { return };
        for _ in 0..AT_ONCE {
            let accepted = readiness.try_io(|listener| {
                Ok(acceptfrom_with(listener.get_ref(), SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?)
            });
            match accepted {
                Ok(Ok((stream, peer))) => {
                    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                    let Some(peer) = peer else { continue };
                    let Ok(place) = Arc::clone(&self.places.0).acquire_owned().await else { return };
                    self.begin(stream.into(), peer.ip(), place);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                // Nobody waits any more.
                Err(_) => return,
            }
        }
        tokio::task::yield_now().await;
    }

    fn begin(self: &Arc<Self>, stream: TcpStream, peer: IpAddr, place: OwnedSemaphorePermit) {
        // Its errors are the client's, who went away.
        if let Ok(Some(conversation)) = Conversation::begin(self, stream, peer) {
            self.shutdown.spawn(async move {
                conversation.run().await;
                drop(place);
            });
        }
    }
}
