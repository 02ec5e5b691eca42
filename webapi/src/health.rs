//! `/healthz` and `/metrics`: whether the site works, and its numbers for Prometheus.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use infra::metrics::{Health, Numbers, Process, Watched};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::time::timeout;

use crate::app::App;
use crate::db;

/// The site, as the source of `/metrics` and `/healthz`.
#[derive(Clone)]
pub struct WatchedSite(pub App);

impl fmt::Debug for WatchedSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSite").finish_non_exhaustive()
    }
}

impl Watched for WatchedSite {
    fn metrics(&self) -> String {
        let mut registry = Registry::default();
        self.0.metrics.register(&mut registry);
        registry.register_collector(Box::new(self.clone()));
        registry.register_collector(Box::new(Process));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    async fn health(&self) -> Health {
        let database = timeout(self.0.backend_timeout(), async {
            let client = self.0.connection().await.ok()?;
            db::ping(&client).await.ok()
        });
        let well = matches!(database.await, Ok(Some(())));
        let (status, database) = if well { ("ok", "connected") } else { ("unavailable", "away") };
        let tracker = if self.0.live.is_heard() { "heard" } else { "silent" };
        let body = format!(r#"{{"status":"{status}","database":"{database}","tracker":"{tracker}"}}"#);
        Health { well, body }
    }
}

impl Collector for WatchedSite {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(app) = self;
        let mut numbers = Numbers::new(encoder);
        let pool = app.pool_status();
        for (name, help, value) in [
            ("fairywren_webapi_pool_max", "Database connections at most", pool.max_size),
            ("fairywren_webapi_pool_connections", "Database connections that are open", pool.size),
            (
                "fairywren_webapi_pool_in_use",
                "Database connections that serve a request",
                pool.size.saturating_sub(pool.available),
            ),
            ("fairywren_webapi_pool_waiting", "Requests that wait for a database connection", pool.waiting),
            ("fairywren_webapi_event_streams", "Open streams of events", app.live.streams().count()),
            (
                "fairywren_webapi_tracker_heard",
                "1 while the tracker's counts are heard over ZeroMQ, else 0",
                usize::from(app.live.is_heard()),
            ),
        ] {
            numbers.gauge(name, help, float(value as u64))?;
        }
        let help = "Accounting reports of the tracker that are in the database";
        let applied = app.metrics.applied_reports();
        numbers.counter("fairywren_webapi_reports_applied", help, float(applied))?;
        let help =
            "Database connections that were told to stop, as nobody waited for their request any longer";
        let cancelled = app.holders.cancelled();
        numbers.counter("fairywren_webapi_reads_cancelled", help, float(cancelled))?;
        if let Some(then) = app.metrics.last_batch() {
            let help = "Seconds since a batch of accounting reports was last applied";
            numbers.gauge("fairywren_webapi_report_batch_age_seconds", help, then.elapsed().as_secs_f64())?;
        }
        Ok(())
    }
}

/// `/healthz` on the site's own listener.
pub async fn health(State(app): State<App>) -> Response {
    let Health { well, body } = WatchedSite(app).health().await;
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

/// Serves `/metrics` and `/healthz` on `listeners`, until the app's shutdown is requested.
pub fn serve(app: &App, listeners: Vec<tokio::net::TcpListener>) {
    infra::metrics::serve(listeners, &Arc::new(WatchedSite(app.clone())), &app.shutdown);
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers as f64")]
fn float(number: u64) -> f64 {
    number as f64
}
