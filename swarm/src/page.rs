//! The page `/demo`, and everything else of the site behind it.

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

use crate::control::PendingWish;
use crate::picture::Picture;
use crate::site::{RunningSite, Visitor};
use outcomes::Outcomes;
use proxy::Proxy;

/// As the site's own, but for the number of connections: a demonstration has few onlookers.
const LIMITS: Limits =
    Limits { max_connections: 512, header_timeout: Duration::from_secs(10), max_header: 16 << 10 };

/// Bytes of an order at most.
const MAX_ORDER: usize = 4 << 10;

/// Time from an order's first byte to its answer.
const ORDER_TIMEOUT: Duration = Duration::from_secs(90);

/// What the page is made from.
pub(crate) struct State {
    /// A new one each second; what is older is shown as old.
    pub(crate) pictures: watch::Receiver<Arc<Picture>>,
    /// What staff wish.
    pub(crate) orders: mpsc::Sender<PendingWish>,
    /// Where the site listens, on the bridge.
    pub(crate) site: SocketAddr,
    /// Who knows the visitors.
    pub(crate) visitors: Arc<dyn Visitors>,
}

/// Tells who a visitor is: the site.
#[async_trait]
pub(crate) trait Visitors: Send + Sync {
    /// The member whose request has this `Cookie` header; none where nobody is signed in.
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

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

/// What every handler knows.
struct App {
    pictures: watch::Receiver<Arc<Picture>>,
    orders: mpsc::Sender<PendingWish>,
    visitors: Arc<dyn Visitors>,
    proxy: Proxy,
    outcomes: Outcomes,
    shutdown: Shutdown,
    /// Another for each start, so that no browser keeps the style of an older one.
    version: String,
}

type Shared = axum::extract::State<Arc<App>>;

/// Serves the page and, behind it, the site, until `shutdown` is requested.
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

/// Every route.
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

/// Ends an order that comes too slowly.
async fn limit_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(ORDER_TIMEOUT, next.run(request)).await;
    answer
        .unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, "That took too long. Try again.\n").into_response())
}

/// What is not ours is the site's.
async fn pass_on(axum::extract::State(app): Shared, request: Request) -> Response {
    app.proxy.forward(request).await
}

impl App {
    /// Who asks; an answer in place of that where the site cannot say.
    async fn visitor(&self, headers: &HeaderMap) -> Result<Option<Visitor>, Response> {
        let cookies: Vec<&str> =
            headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok()).collect();
        if cookies.is_empty() {
            return Ok(None);
        }
        self.visitors.visitor(&cookies.join("; ")).await.map_err(|error| {
            tracing::warn!("the site does not say who a visitor is: {error:#}");
            proxy::away()
        })
    }

    /// As [`App::visitor`], for what scripts ask: a stranger is told to sign in.
    async fn known(&self, headers: &HeaderMap) -> Result<Visitor, Response> {
        let stranger = || (StatusCode::UNAUTHORIZED, "Sign in to look at the swarm.\n").into_response();
        self.visitor(headers).await?.ok_or_else(stranger)
    }
}
