//! What the site tells Prometheus, and whether it is well.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use infra::metrics::{Health, Numbers, Process, Watched};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::timeout;

use crate::app::App;

/// Upper bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

type Route = [(&'static str, String); 1];
type RouteAndStatus = [(&'static str, String); 2];

/// What is counted as it happens.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RouteAndStatus, Counter>,
    times: Family<Route, Histogram, fn() -> Histogram>,
    applied: AtomicU64,
    cancelled: AtomicU64,
    /// When a batch of reports was last applied.
    batch: Mutex<Option<Instant>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            times: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            applied: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            batch: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts a request by its matched route, never by its path: there are secrets in paths.
    pub fn count(&self, route: &str, status: StatusCode, time: Duration) {
        let class = format!("{}xx", status.as_u16() / 100);
        self.requests.get_or_create(&[("route", route.to_owned()), ("status", class)]).inc();
        self.times.get_or_create(&[("route", route.to_owned())]).observe(time.as_secs_f64());
    }

    /// A connection was told to stop what it did for a request that nobody waits for.
    pub fn count_cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch of so many reports is in the database.
    pub fn count_reports(&self, reports: usize) {
        self.applied.fetch_add(reports as u64, Ordering::Relaxed);
        *self.batch.lock() = Some(Instant::now());
    }
}

/// The site, to be watched.
#[derive(Clone)]
pub struct Site(pub App);

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").finish_non_exhaustive()
    }
}

impl Watched for Site {
    fn metrics(&self) -> String {
        let metrics = &self.0.metrics;
        let mut registry = Registry::default();
        let help = "Requests by matched route and class of status";
        registry.register("fairywren_webapi_requests", help, metrics.requests.clone());
        let help = "Time from a request's header to its answer's header";
        registry.register("fairywren_webapi_request_seconds", help, metrics.times.clone());
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
            client.simple_query("select 1").await.ok()
        });
        let well = matches!(database.await, Ok(Some(_)));
        let (status, database) = if well { ("ok", "connected") } else { ("unavailable", "away") };
        let tracker = if self.0.live.is_heard() { "heard" } else { "silent" };
        let body = format!(r#"{{"status":"{status}","database":"{database}","tracker":"{tracker}"}}"#);
        Health { well, body }
    }
}

impl Collector for Site {
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
            ("fairywren_webapi_event_streams", "Open streams of events", app.live.seats().taken()),
            (
                "fairywren_webapi_tracker_heard",
                "1 while the tracker's counts are heard over ZeroMQ, else 0",
                usize::from(app.live.is_heard()),
            ),
        ] {
            numbers.gauge(name, help, float(value as u64))?;
        }
        let help = "Accounting reports of the tracker that are in the database";
        let applied = app.metrics.applied.load(Ordering::Relaxed);
        numbers.counter("fairywren_webapi_reports_applied", help, float(applied))?;
        let help =
            "Database connections that were told to stop, as nobody waited for their request any longer";
        let cancelled = app.metrics.cancelled.load(Ordering::Relaxed);
        numbers.counter("fairywren_webapi_reads_cancelled", help, float(cancelled))?;
        if let Some(then) = *app.metrics.batch.lock() {
            let help = "Seconds since a batch of accounting reports was last applied";
            numbers.gauge("fairywren_webapi_report_batch_age_seconds", help, then.elapsed().as_secs_f64())?;
        }
        Ok(())
    }
}

/// `/healthz` on the site's own listener.
pub async fn health(State(app): State<App>) -> Response {
    let Health { well, body } = Site(app).health().await;
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

/// Serves `/metrics` and `/healthz` on `listeners`, until the app's shutdown is requested.
pub fn serve(app: &App, listeners: Vec<tokio::net::TcpListener>) {
    infra::metrics::serve(listeners, &Arc::new(Site(app.clone())), &app.shutdown);
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
fn float(number: u64) -> f64 {
    number as f64
}
