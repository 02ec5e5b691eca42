//! The numbers for Prometheus, gathered when it reads them.

pub(crate) mod counters;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bt::messages::control::{PROTOCOLS, VERDICTS};
use infra::metrics::{Health, Labels, Numbers, Process, Watched};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::connection_limit::ConnectionLimit;
use crate::state::Tracker;
use counters::{BOUNDS, Sums, sums};

const LATENCY: &str = "Time from a request's target to its answer in memory, without the socket, with what it waited \
     for the database. One announce in 64 of each thread is timed, so the count is a 64th of the announces";

/// The sources that are read each time.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    tracker: Arc<Tracker>,
    connection_limit: ConnectionLimit,
    /// Path of the copy that is written while the process runs.
    copy: PathBuf,
}

impl Metrics {
    pub(crate) fn new(tracker: &Arc<Tracker>, connection_limit: ConnectionLimit, copy: PathBuf) -> Self {
        Self { tracker: Arc::clone(tracker), connection_limit, copy }
    }
}

impl Watched for Metrics {
    fn metrics(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        registry.register_collector(Box::new(Process));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    async fn health(&self) -> Health {
        let mut body = Vec::new();
        self.tracker.write_health(&mut body);
        Health { well: true, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut numbers = Numbers::new(encoder);
        write_requests(&mut numbers, &sums())?;
        self.write_swarms(&mut numbers)?;
        self.write_directory(&mut numbers)?;
        self.write_reports(&mut numbers)?;
        self.write_sockets(&mut numbers)?;
        if let Some(age) = age_of(&self.copy) {
            let help = "Seconds since the swarms were last written to the restart file";
            numbers.gauge("fairywren_tracker_restart_file_age_seconds", help, age)?;
        }
        Ok(())
    }
}

impl Metrics {
    fn write_swarms(&self, numbers: &mut Numbers<'_>) -> fmt::Result {
        const ROLES: [&Labels; 4] = [
            &[("family", "ipv4"), ("role", "seeder")],
            &[("family", "ipv4"), ("role", "leecher")],
            &[("family", "ipv6"), ("role", "seeder")],
            &[("family", "ipv6"), ("role", "leecher")],
        ];
        let (torrents, endpoints) = self.tracker.swarms.totals();
        let help = "Endpoints of peers; a peer with both families has two";
        numbers.gauges("fairywren_tracker_peers", help, ROLES.into_iter().zip(endpoints.map(float)))?;
        let help = "Torrents that have peers";
        numbers.gauge("fairywren_tracker_active_torrents", help, float(torrents))
    }

    fn write_directory(&self, numbers: &mut Numbers<'_>) -> fmt::Result {
        let directory = &self.tracker.directory;
        let (members, torrents) = directory.sizes();
        let help = "Members that the tracker knows, from the database";
        numbers.gauge("fairywren_tracker_known_members", help, float(members as u64))?;
        let help = "Torrents that the tracker knows, from the database";
        numbers.gauge("fairywren_tracker_known_torrents", help, float(torrents as u64))?;
        let state = directory.link.state();
        let help = "1 while the tracker hears changes of the database, 0 while it is away";
        numbers.gauge("fairywren_tracker_database_connected", help, f64::from(u8::from(state.connected)))?;
        if let Some(age) = state.age {
            let help = "Seconds since the database last answered what is known of members and torrents";
            numbers.gauge("fairywren_tracker_directory_age_seconds", help, age.as_secs_f64())?;
        }
        Ok(())
    }

    fn write_reports(&self, numbers: &mut Numbers<'_>) -> fmt::Result {
        let backlog = self.tracker.report_queue.backlog();
        let help = "Accounts of member and torrent that wait for the webapi";
        numbers.gauge("fairywren_tracker_reports_waiting", help, float(backlog.reports as u64))?;
        let help = "Batches of reports that wait for the webapi";
        numbers.gauge("fairywren_tracker_report_batches_waiting", help, float(backlog.batches as u64))?;
        let help = "Reports lost because as many as maxReports were waiting";
        numbers.counter("fairywren_tracker_reports_dropped", help, float(backlog.dropped))?;
        if let Some(then) = backlog.acknowledged {
            let help = "Seconds since the webapi last acknowledged a batch of reports";
            let age = self.tracker.clock.now().saturating_sub(then);
            numbers.gauge("fairywren_tracker_reports_acknowledged_age_seconds", help, age.into())?;
        }
        Ok(())
    }

    fn write_sockets(&self, numbers: &mut Numbers<'_>) -> fmt::Result {
        let help = "Connections of clients, over HTTP and HTTPS";
        numbers.gauge("fairywren_tracker_connections", help, float(self.connection_limit.open() as u64))?;
        let (stream, now) = (&self.tracker.count_stream, self.tracker.clock.now());
        if let Some(age) = stream.age(now) {
            let help = "Seconds since counts were last published over ZeroMQ; a message goes out each second";
            numbers.gauge("fairywren_tracker_zeromq_published_age_seconds", help, age.into())?;
        }
        if let Some(age) = stream.answered.age(now) {
            let help = "Seconds since a question of the webapi was last answered over ZeroMQ; one comes twice a second";
            numbers.gauge("fairywren_tracker_zeromq_asked_age_seconds", help, age.into())?;
        }
        Ok(())
    }
}

fn write_requests(numbers: &mut Numbers<'_>, sums: &Sums) -> fmt::Result {
    for (name, help, counts) in [
        ("fairywren_tracker_announces", "Announces by what became of them", &sums.announces),
        ("fairywren_tracker_scrapes", "Scrapes by what became of them", &sums.scrapes),
    ] {
        let labels: Vec<([(&str, &str); 2], u64)> = PROTOCOLS
            .into_iter()
            .zip(counts)
            .flat_map(|(protocol, counts)| VERDICTS.into_iter().zip(counts).map(move |it| (protocol, it)))
            .map(|(protocol, (verdict, count))| {
                ([("outcome", verdict.word()), ("protocol", protocol.word())], *count)
            })
            .collect();
        numbers.counters(name, help, labels.iter().map(|(labels, count)| (&labels[..], float(*count))))?;
    }
    let bounds = BOUNDS.into_iter().map(|bound| float(bound) / 1e9).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(sums.buckets).collect();
    numbers.histogram("fairywren_tracker_announce_seconds", LATENCY, float(sums.time) / 1e9, &buckets)
}

/// Seconds since a file was written; `None` if there is none.
fn age_of(file: &std::path::Path) -> Option<f64> {
    let written = std::fs::metadata(file).ok()?.modified().ok()?;
    Some(SystemTime::now().duration_since(written).map_or(0.0, |age| age.as_secs_f64()))
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus stores all numbers as floats")]
fn float(number: u64) -> f64 {
    number as f64
}
