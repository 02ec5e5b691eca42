//! Counters and histograms of the site, for Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

type Route = [(&'static str, String); 1];
type RouteAndStatus = [(&'static str, String); 2];

/// Counters that requests and tasks increment.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RouteAndStatus, Counter>,
    times: Family<Route, Histogram, fn() -> Histogram>,
    applied: AtomicU64,
    /// When a batch of accounting reports was last applied.
    batch: Mutex<Option<Instant>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            times: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            applied: AtomicU64::new(0),
            batch: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts a request by its matched route, never by its path: paths contain secrets.
    pub fn count(&self, route: &str, status: StatusCode, time: Duration) {
        let class = format!("{}xx", status.as_u16() / 100);
        self.requests.get_or_create(&[("route", route.to_owned()), ("status", class)]).inc();
        self.times.get_or_create(&[("route", route.to_owned())]).observe(time.as_secs_f64());
    }

    /// Counts a batch of `reports` accounting reports that is in the database.
    pub fn count_reports(&self, reports: usize) {
        self.applied.fetch_add(reports as u64, Ordering::Relaxed);
        *self.batch.lock() = Some(Instant::now());
    }

    /// Registers the metrics in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests by matched route and class of status";
        registry.register("fairywren_webapi_requests", help, self.requests.clone());
        let help = "Time from a request's header to its answer's header";
        registry.register("fairywren_webapi_request_seconds", help, self.times.clone());
    }

    /// The number of accounting reports applied to the database since the start.
    pub fn applied_reports(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// When a batch of reports was last applied.
    pub fn last_batch(&self) -> Option<Instant> {
        *self.batch.lock()
    }
}
