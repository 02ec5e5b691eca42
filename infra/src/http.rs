//! The accept loop: HTTP/1.1 with a header time-out, a cap on connections, and a stop that drains.
//!
//! `axum::serve` has neither of the first two.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::shutdown::Shutdown;

/// What one listener grants to strangers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at the same time; more wait in the system's queue.
    pub max_connections: usize,
    /// Time for a request's header to arrive, counted from the end of the answer before it. It ends idle
    /// connections, too.
    pub header_timeout: Duration,
    /// Bytes of a request's header at most.
    pub max_header: usize,
}

/// After a failed accept (as a rule no file descriptor is left): time for others to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `listener` with what `service` makes for each client address, until `shutdown` is requested.
///
/// Requests under way then are answered; connections are tasks of `shutdown`, which can be waited for.
pub async fn serve<S, B>(
    listener: TcpListener,
    limits: Limits,
    shutdown: Shutdown,
    service: impl Fn(SocketAddr) -> S,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.max_header.max(8192))
        .pipeline_flush(true);
    loop {
        let accepted = tokio::select! {
            () = shutdown.requested() => return,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let connection = http.serve_connection(TokioIo::new(stream), service(peer));
        let stop = shutdown.clone();
        shutdown.spawn(async move {
            let mut connection = pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stop.requested() => {
                    connection.as_mut().graceful_shutdown();
                    // Its errors are the client's: it closed, or sent what is not HTTP.
                    let _ = connection.await;
                }
            }
            drop(place);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // An answer is one write; waiting to fill a packet only delays it.
            stream.set_nodelay(true).ok();
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
