//! `/metrics` for Prometheus and `/healthz`, on a listener of their own.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::net::TcpListener;

use crate::http::{self, Limits};
use crate::shutdown::Shutdown;

/// Limits of the listener; Prometheus itself needs one connection.
const LIMITS: Limits =
    Limits { max_connections: 64, header_timeout: Duration::from_secs(10), max_header: 8192 };

/// The content type of `/metrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A process that can be monitored.
pub trait Watched: Send + Sync + 'static {
    /// The metrics, in `OpenMetrics` text format. May block: it is called on a blocking thread.
    fn metrics(&self) -> String;

    /// Whether the process can serve its clients.
    fn health(&self) -> impl Future<Output = Health> + Send;
}

/// The answer to `/healthz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether the process is healthy: status 200, else 503.
    pub well: bool,
    /// The body, JSON.
    pub body: String,
}

/// Binds all of `addresses`.
///
/// # Errors
/// When an address cannot be bound; the error names the address.
pub async fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("cannot listen on {address} for metrics"))?);
    }
    Ok(listeners)
}

/// Serves `/metrics` and `/healthz` in the background, until `shutdown` is requested.
pub fn serve<W: Watched>(listeners: Vec<TcpListener>, watched: &Arc<W>, shutdown: &Shutdown) {
    for listener in listeners {
        let watched = Arc::clone(watched);
        let service = move |_| {
            let watched = Arc::clone(&watched);
            service_fn(move |request| {
                let watched = Arc::clone(&watched);
                async move { Ok::<_, Infallible>(answer(watched, &request).await) }
            })
        };
        shutdown.spawn(http::serve(listener, LIMITS, shutdown.clone(), service));
    }
}

async fn answer<W: Watched, B>(watched: Arc<W>, request: &Request<B>) -> Response<Full<Bytes>> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, kind, body) = match request.uri().path() {
        "/metrics" | "/healthz" if !reads => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new()),
        "/metrics" => match tokio::task::spawn_blocking(move || watched.metrics()).await {
            Ok(text) => (StatusCode::OK, OPEN_METRICS, text),
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", String::new()),
        },
        "/healthz" => {
            let Health { well, body } = watched.health().await;
            let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, "application/json", body)
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "Here are /metrics and /healthz only.\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Encodes numbers that are read from elsewhere at each scrape of Prometheus.
pub struct Numbers<'a>(DescriptorEncoder<'a>);

impl<'a> Numbers<'a> {
    /// To be called in [`Collector::encode`].
    pub fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// Encodes a gauge: a number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    /// Encodes a gauge with one number for each set of labels.
    pub fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'l Labels, f64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Encodes a counter: a number that only grows. `_total` is added to `name`.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }

    /// Encodes a counter with one number for each set of labels.
    pub fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'l Labels, f64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Encodes a histogram. Each bucket is its upper bound, and the number of values in it that are in no bucket before
    /// it.
    pub fn histogram(&mut self, name: &str, help: &str, sum: f64, buckets: &[(f64, u64)]) -> fmt::Result {
        let count = buckets.iter().map(|(_, count)| count).sum();
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<[(&str, &str); 0]>(sum, count, buckets, None)
    }
}

/// Memory and CPU time of this process, under the metric names of Prometheus' client libraries.
#[derive(Debug)]
pub struct Process;

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut numbers = Numbers::new(encoder);
        if let Some(bytes) = resident_bytes() {
            numbers.gauge("process_resident_memory_bytes", "Resident memory", bytes)?;
        }
        if let Some(seconds) = cpu_seconds() {
            numbers.counter("process_cpu_seconds", "Time on a processor, user and system", seconds)?;
        }
        Ok(())
    }
}

/// Resident memory: the second field of `/proc/self/statm` (proc(5)), in pages.
#[expect(clippy::cast_precision_loss, reason = "memory is below 2^52 bytes")]
fn resident_bytes() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages as f64 * rustix::param::page_size() as f64)
}

/// CPU time: `utime` and `stime` of `/proc/self/stat` (proc(5)), in ticks. They are the 12th and 13th fields after the
/// name, which is in brackets and may contain blanks.
#[expect(clippy::cast_precision_loss, reason = "a process lives for less than 2^52 ticks")]
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Labels of one sample.
pub type Labels = [(&'static str, &'static str)];

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[derive(Debug)]
    struct Some3;

    impl Collector for Some3 {
        fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let mut numbers = Numbers::new(encoder);
            let labels: [&Labels; 2] = [&[("role", "seeder")], &[("role", "leecher")]];
            numbers.gauges("peers", "Peers", labels.into_iter().zip([3.0, 4.5]))?;
            numbers.counter("asked", "Questions", 7.0)?;
            numbers.histogram("time_seconds", "Time", 9.0, &[(0.5, 2), (f64::INFINITY, 1)])
        }
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Some3));
        registry.register_collector(Box::new(Process));
        let mut text = String::new();
        encode(&mut text, &registry).expect("a text");
        for line in [
            "# TYPE peers gauge",
            "peers{role=\"seeder\"} 3.0",
            "peers{role=\"leecher\"} 4.5",
            "asked_total 7.0",
            "time_seconds_bucket{le=\"0.5\"} 2",
            "time_seconds_bucket{le=\"+Inf\"} 3",
            "time_seconds_count 3",
            "# EOF",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in {text}");
        }
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.trim().parse().expect("a number")
        };
        assert!(value("process_resident_memory_bytes ") > 1e6);
        assert!(value("process_cpu_seconds_total ") >= 0.0);
    }
}
