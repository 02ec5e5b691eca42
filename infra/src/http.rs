//! The accept loop: HTTP/1.1 with a header timeout, a limit on connections, and a stop that finishes requests under
//! way.
//!
//! `axum::serve` has no header timeout and no limit on connections.

mod idle;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::shutdown::Shutdown;
use idle::{Activity, IdleTimer, Watched};

/// Limits of one listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at the same time. Further ones wait: one is accepted already, the others in the system's
    /// queue.
    pub max_connections: usize,
    /// Time for a request's header to arrive, counted from the end of the previous answer; up to a quarter more is
    /// granted. It also ends idle connections, and those whose client reads nothing of an answer.
    pub header_timeout: Duration,
    /// Most bytes of a request's header.
    pub max_header: usize,
}

/// Pause after a failed accept. Usually no file descriptor is left, and other connections need time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `listener` until `shutdown` is requested. `service` makes the service of a connection from the client's
/// address.
///
/// At the stop, requests under way are answered: connections are tasks of `shutdown`, which waits for them.
pub async fn serve<S, B>(
    listener: TcpListener,
    limits: Limits,
    shutdown: Shutdown,
    service: impl Fn(SocketAddr) -> S,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // An answer is one write; waiting to fill a packet only delays it. Accepted connections inherit the option.
    if let Err(error) = SockRef::from(&listener).set_tcp_nodelay(true) {
        tracing::warn!(%error, "cannot set TCP_NODELAY");
    }
    let permits = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut http = http1::Builder::new();
    // hyper's own timeout sets a timer for each request; `idle` needs one a connection. Copying a small answer behind
    // its header is faster than a vectored write.
    http.header_read_timeout(None).max_buf_size(limits.max_header.max(8192)).writev(false);
    let mut stop = pin!(shutdown.requested());
    while !shutdown.is_requested() {
        let accepted = tokio::select! {
            biased;
            accepted = accept(&listener, &permits) => accepted,
            () = stop.as_mut() => return,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let connection =
            converse(http.clone(), stream, service(peer), limits.header_timeout, shutdown.clone());
        shutdown.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

/// Answers one connection until either side ends it.
async fn converse<S, B>(
    http: http1::Builder,
    stream: TcpStream,
    service: S,
    header_timeout: Duration,
    shutdown: Shutdown,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let activity = Arc::new(Activity::default());
    let watched = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let busy = Activity::begin(&watched);
        let answer = service.call(request);
        async move { answer.await.map(|answer| answer.map(|body| Watched::body(body, busy))) }
    });
    let mut connection = pin!(http.serve_connection(Watched::stream(stream, Arc::clone(&activity)), service));
    let mut idle = IdleTimer::new(header_timeout);
    let mut stop = pin!(shutdown.requested());
    let mut stopping = None;
    poll_fn(|cx| {
        // Errors are not reported: the client closed the connection, or sent what is not HTTP.
        if connection.as_mut().poll(cx).is_ready() || idle.poll_expired(cx, &activity).is_ready() {
            return Poll::Ready(());
        }
        // Polled only once, to register the waker: each poll takes a lock that all connections share.
        if stopping.is_none() {
            stopping = Some(false);
            let _ = stop.as_mut().poll(cx);
        }
        if stopping == Some(false) && shutdown.is_requested() {
            stopping = Some(true);
            connection.as_mut().graceful_shutdown();
            return connection.as_mut().poll(cx).map(drop);
        }
        Poll::Pending
    })
    .await;
}

/// Waits for a permit, then accepts the next connection.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            let permit = Arc::clone(permits).acquire_owned().await.ok()?;
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
