//! The web server of the demonstration: its page at `/demo`, and the site at all other paths.

mod assets;
mod events;
mod headers;
mod map;
mod order;
mod outcomes;
mod proxy;
mod show;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::service::service_fn;
use infra::http::Limits;
use infra::shutdown::Shutdown;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

use crate::control::PendingCommand;
use crate::picture::Picture;
use crate::site::{RunningSite, Visitor};
use outcomes::Outcomes;
use proxy::Proxy;

/// Limits of connections: the site's own but for their number, as a demonstration has few visitors.
const LIMITS: Limits =
    Limits { max_connections: 512, header_timeout: Duration::from_secs(10), max_header: 16 << 10 };

/// Bytes of an order, at most.
const MAX_ORDER: usize = 4 << 10;

/// Time from an order's first byte to its answer.
const ORDER_TIMEOUT: Duration = Duration::from_secs(90);

/// What the page needs from the demonstration.
pub(crate) struct State {
    /// A new picture each second. The page says when the latest one is older.
    pub(crate) pictures: watch::Receiver<Arc<Picture>>,
    /// Where commands of staff are sent.
    pub(crate) orders: mpsc::Sender<PendingCommand>,
    /// The site's address on the bridge.
    pub(crate) site: SocketAddr,
    /// Looks visitors up.
    pub(crate) visitors: Arc<dyn Visitors>,
}

/// Looks up who is signed in, which the site knows.
#[async_trait]
pub(crate) trait Visitors: Send + Sync {
    /// The member whose session is in this `Cookie` header; none without one.
    ///
    /// # Errors
    /// The site cannot be asked.
    async fn visitor(&self, cookie: &str) -> anyhow::Result<Option<Visitor>>;
}

#[async_trait]
impl Visitors for RunningSite {
    async fn visitor(&self, cookie: &str) -> anyhow::Result<Option<Visitor>> {
        Self::visitor(self, cookie).await
    }
}

/// The remote address of a connection.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

/// The state of all handlers.
struct App {
    pictures: watch::Receiver<Arc<Picture>>,
    orders: mpsc::Sender<PendingCommand>,
    visitors: Arc<dyn Visitors>,
    proxy: Proxy,
    outcomes: Outcomes,
    shutdown: Shutdown,
    /// Random for each start, so that browsers do not use scripts and styles of an older one.
    version: String,
}

type Shared = axum::extract::State<Arc<App>>;

/// Serves page and site until `shutdown` is requested.
pub(crate) async fn serve(state: State, listener: TcpListener, shutdown: Shutdown) {
    let router = create(state, shutdown.clone());
    let service = |peer| {
        let router = router.clone();
        service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            let answer = router.clone().oneshot(request);
            async move { answer.await.map_err(|never: Infallible| never) }
        })
    };
    infra::http::serve(listener, LIMITS, shutdown, service).await;
}

/// The router.
fn create(state: State, shutdown: Shutdown) -> Router {
    let app = App {
        pictures: state.pictures,
        orders: state.orders,
        visitors: state.visitors,
        proxy: Proxy::new(state.site),
        outcomes: Outcomes::default(),
        shutdown,
        version: format!("{:016x}", fastrand::u64(..)),
    };
    Router::new()
        .route("/demo", get(show::show))
        .route("/demo/picture", get(show::picture))
        .route("/demo/events", get(events::events))
        .route(
            "/demo/order",
            post(order::order).layer(DefaultBodyLimit::max(MAX_ORDER)).layer(middleware::from_fn(limit_time)),
        )
        .route("/demo/static/{name}", get(assets::show))
        .fallback(pass_on)
        .layer(middleware::from_fn(headers::layer))
        .with_state(Arc::new(app))
}

/// Refuses an order that arrives too slowly.
async fn limit_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(ORDER_TIMEOUT, next.run(request)).await;
    answer
        .unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, "That took too long. Try again.\n").into_response())
}

/// Passes a request on to the site.
async fn pass_on(axum::extract::State(app): Shared, request: Request) -> Response {
    app.proxy.forward(request).await
}

impl App {
    /// Who is signed in. An error answer where the site cannot be asked.
    async fn visitor(&self, headers: &HeaderMap) -> Result<Option<Visitor>, Response> {
        let cookies: Vec<&str> =
            headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok()).collect();
        if cookies.is_empty() {
            return Ok(None);
        }
        self.visitors.visitor(&cookies.join("; ")).await.map_err(|error| {
            tracing::warn!("cannot ask the site who is signed in: {error:#}");
            proxy::away()
        })
    }

    /// [`App::visitor`], for requests of scripts: who is not signed in gets status 401.
    async fn known(&self, headers: &HeaderMap) -> Result<Visitor, Response> {
        let stranger = || (StatusCode::UNAUTHORIZED, "Sign in to look at the swarm.\n").into_response();
        self.visitor(headers).await?.ok_or_else(stranger)
    }
}
