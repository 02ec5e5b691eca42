//! Serves the site on a listening socket.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use infra::http::Limits;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::app::App;
use crate::extract::ConnectedPeer;
use crate::{router, tasks, tracker};

/// Most bytes of a request's header.
const MAX_HEADER: usize = 16 << 10;

/// Serves the site until the app's shutdown is requested.
pub async fn serve(app: App, listener: TcpListener) {
    let webapi = &app.config.webapi;
    let limits = Limits {
        max_connections: webapi.max_connections,
        header_timeout: webapi.header_timeout,
        max_header: MAX_HEADER,
    };
    tasks::start(&app);
    tracker::start(&app);
    let router = router::create(app.clone());
    let service = |peer| {
        let router = router.clone();
        service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectedPeer(peer));
            let answer = router.clone().oneshot(request);
            async move { answer.await.map_err(|never: Infallible| never) }
        })
    };
    infra::http::serve(listener, limits, app.shutdown.clone(), service).await;
}
