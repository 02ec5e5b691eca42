//! The site on a socket, and what goes on beside its requests.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use deadpool_postgres::GenericClient;
use hyper::body::Incoming;
use hyper::service::service_fn;
use infra::http::Limits;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::app::App;
use crate::extract::ConnectedPeer;
use crate::{db, domain, router, tracker};

/// Bytes of a request's header at most.
const MAX_HEADER: usize = 16 << 10;

/// How often ended sessions and old history are deleted.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Days for which the list of their maker still shows invites that were claimed, revoked or have expired.
const INVITE_DAYS: i32 = 90;
/// How long after a large upload its memory is given back: others may follow.
const TRIM_AFTER: Duration = Duration::from_secs(5);

/// Words that left titles, looked at in one statement.
const WORDS: i64 = 250;

/// Such statements in one sweep.
const WORD_STATEMENTS: usize = 40;

/// Serves the site until the app's shutdown is requested.
pub async fn serve(app: App, listener: TcpListener) {
    let webapi = &app.config.webapi;
    let limits = Limits {
        max_connections: webapi.max_connections,
        header_timeout: webapi.header_timeout,
        max_header: MAX_HEADER,
    };
    app.shutdown.spawn(sweep(app.clone()));
    app.shutdown.spawn(give_memory_back(app.clone()));
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

/// What a large torrent was parsed into is many small pieces, which the allocator keeps by itself.
async fn give_memory_back(app: App) {
    loop {
        tokio::select! {
            () = app.shutdown.requested() => return,
            () = app.turns.large() => {}
        }
        tokio::select! {
            () = app.shutdown.requested() => return,
            () = tokio::time::sleep(TRIM_AFTER) => {}
        }
        if let Err(error) = tokio::task::spawn_blocking(infra::memory::trim).await {
            tracing::warn!(%error, "memory was not given back");
        }
    }
}

async fn sweep(app: App) {
    loop {
        if let Ok(client) = app.connection().await
            && let Err(error) = sweep_once(&client).await
        {
            tracing::warn!(error = infra::db::state(&error), "what is out of date was not deleted");
        }
        tokio::select! {
            () = app.shutdown.requested() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

async fn sweep_once(client: &impl GenericClient) -> Result<(), tokio_postgres::Error> {
    db::session::sweep(client).await?;
    db::invite::sweep(client, INVITE_DAYS).await?;
    db::report::sweep(client).await?;
    db::password_reset::sweep(client).await?;
    let first = domain::history::first_day(OffsetDateTime::now_utc());
    while !db::history::sweep(client, first).await? {}
    for _ in 0..WORD_STATEMENTS {
        if db::word::sweep(client, WORDS).await? < WORDS {
            break;
        }
    }
    Ok(())
}
