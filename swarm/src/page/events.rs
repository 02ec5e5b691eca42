//! `/demo/events`: each new picture, as a server-sent event.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use infra::shutdown::Shutdown;
use tokio::sync::watch;

use super::Shared;
use crate::picture::Picture;

/// Events of a stream, at most: after ten minutes a browser connects again, and its session is checked again.
const EVENTS: usize = 600;

/// Sends the present picture at once, then each new one.
pub(super) async fn events(State(app): Shared, headers: HeaderMap) -> Response {
    if let Err(refusal) = app.known(&headers).await {
        return refusal;
    }
    Sse::new(pictures(app.pictures.clone(), app.shutdown.clone()).take(EVENTS)).into_response()
}

/// The stream ends with the demonstration, whose stop would wait for it.
fn pictures(
    mut source: watch::Receiver<Arc<Picture>>,
    shutdown: Shutdown,
) -> impl Stream<Item = Result<Event, axum::Error>> {
    source.mark_changed();
    stream::unfold((source, shutdown), |(mut source, shutdown)| async move {
        let changed = tokio::select! {
            changed = source.changed() => changed,
            () = shutdown.requested() => return None,
        };
        changed.ok()?;
        let picture = Arc::clone(&source.borrow_and_update());
        Some((Event::default().event("picture").json_data(&*picture), (source, shutdown)))
    })
}
