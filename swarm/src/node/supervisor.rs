//! Supervises a client's program from the client's thread: starts it, asks it each second, carries out orders.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, anyhow};
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::content;
use super::program::{Program, last_lines};
use super::{Inbox, Order, Report, State, Timeouts};
use crate::client::{Activity, Client};
use crate::network::Port;

/// Time between two tries to reach a program that starts.
const START_POLL: Duration = Duration::from_millis(250);

/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Supervisor {
    /// The client's, for the log.
    name: String,
    client: Box<dyn Client>,
    timeouts: Timeouts,
    port: Port,
    downloads: PathBuf,
    log: PathBuf,
    report: Arc<Mutex<Report>>,
    /// Some while [`Report::state`] is starting or running.
    program: Option<Program>,
    /// When the program was started.
    start: Instant,
    /// When it is asked next.
    next: Instant,
    /// Whether the rate was changed since the client was made.
    throttled: bool,
    /// The torrents that the program has, or is to be given once it answers.
    torrents: Vec<Torrent>,
    /// Torrents that were removed while the program did not run: its session may still list them, with content that is
    /// gone.
    removed: Vec<InfoHash>,
}

struct Torrent {
    hash: InfoHash,
    metainfo: Arc<[u8]>,
    /// Senders of the orders that wait until it is added.
    waiting: Vec<Answer>,
}

/// Where the outcome of an order is sent.
type Answer = oneshot::Sender<anyhow::Result<()>>;

impl Supervisor {
    pub(super) fn new(
        name: String,
        client: Box<dyn Client>,
        timeouts: Timeouts,
        port: Port,
        downloads: PathBuf,
        log: PathBuf,
        report: Arc<Mutex<Report>>,
    ) -> Self {
        let now = Instant::now();
        Self {
            name,
            client,
            timeouts,
            port,
            downloads,
            log,
            report,
            program: None,
            start: now,
            next: now,
            throttled: false,
            torrents: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Starts the program.
    pub(super) fn launch(&mut self) -> anyhow::Result<()> {
        if self.program.is_some() {
            return Ok(());
        }
        let command = self.client.command()?;
        self.program = Some(Program::start(&command, &self.log)?);
        self.report.lock().state = State::Starting;
        self.start = Instant::now();
        self.next = self.start;
        Ok(())
    }

    /// Runs until it is told to end, or the last [`super::Node`] is dropped; then stops the program.
    pub(super) async fn run(mut self, inbox: Inbox) {
        let Inbox { mut messages, mut ending } = inbox;
        let work = async {
            loop {
                tokio::select! {
                    message = messages.recv() => match message {
                        Some((order, answer)) => self.carry_out(order, answer).await,
                        None => return,
                    },
                    status = ended(&mut self.program) => self.note_exit(status),
                    () = sleep_until(self.next), if self.program.is_some() => self.ask().await,
                }
            }
        };
        // Also while it waits for a program that does not answer.
        tokio::select! {
            () = work => {}
            _ = ending.wait_for(|asked| *asked) => {}
        }
        if let Some(program) = self.program.take() {
            program.stop(&self.timeouts).await;
        }
        self.set_not_running(State::Stopped);
        // Dropping `messages` tells `Node::end` that all is done.
    }

    /// Asks the program for a report, or whether it answers yet.
    async fn ask(&mut self) {
        let now = Instant::now();
        if self.is_running() {
            self.next = now + REPORT_EVERY;
            // Without an answer the report stays and grows old.
            if let Ok(Ok(shares)) = timeout(self.timeouts.answer, self.client.shares()).await {
                let mut report = self.report.lock();
                report.shares = shares;
                report.at = Instant::now();
            }
            return;
        }
        self.next = now + START_POLL;
        match timeout(self.timeouts.answer, self.client.version()).await {
            Ok(Ok(version)) => self.set_running(version).await,
            _ if self.start.elapsed() > self.timeouts.start => {
                if let Some(program) = self.program.take() {
                    program.kill().await;
                }
                let lines = last_lines(&self.log);
                let reason = format!("it did not answer for {} s: {lines}", self.timeouts.start.as_secs());
                tracing::warn!("{} was killed: {reason}", self.name);
                self.set_not_running(State::Dead(reason));
            }
            _ => {}
        }
    }

    /// Gives a program that has just started to answer the torrents and the rate that were ordered.
    async fn set_running(&mut self, version: String) {
        if let Err(error) = self.remove_others().await {
            tracing::warn!("{} may have torrents that were removed: {error:#}", self.name);
        }
        let rate = self.report.lock().rate;
        if self.throttled
            && let Err(error) = within(self.timeouts.order, self.client.throttle(rate)).await
        {
            tracing::warn!("{} does not take its limit: {error:#}", self.name);
        }
        for mut torrent in std::mem::take(&mut self.torrents) {
            let folder = content::folder(&self.downloads, &torrent.hash);
            let added = within(self.timeouts.order, self.client.add(&torrent.metainfo, &folder)).await;
            let Err(error) = added else {
                torrent.waiting.drain(..).for_each(|answer| drop(answer.send(Ok(()))));
                self.torrents.push(torrent);
                continue;
            };
            if torrent.waiting.is_empty() {
                tracing::warn!("{} does not take a torrent after its start: {error:#}", self.name);
                self.torrents.push(torrent);
            } else {
                torrent.waiting.drain(..).for_each(|answer| drop(answer.send(Err(anyhow!("{error:#}")))));
            }
        }
        let mut report = self.report.lock();
        report.version = Some(version);
        report.state = State::Running;
        self.next = Instant::now();
    }

    /// Removes the torrents of its older session that it is not to have.
    async fn remove_others(&mut self) -> anyhow::Result<()> {
        for share in within(self.timeouts.order, self.client.shares()).await? {
            let hash: InfoHash = share.info_hash.parse()?;
            let is_known = self.torrents.iter().any(|torrent| torrent.hash == hash);
            if !is_known || self.removed.contains(&hash) {
                within(self.timeouts.order, self.client.remove(&hash)).await?;
            }
        }
        self.removed.clear();
        Ok(())
    }

    async fn carry_out(&mut self, order: Order, answer: Answer) {
        let result = match order {
            // Its content was copied before.
            Order::Add { metainfo, .. } => return self.add(metainfo, answer).await,
            Order::Remove(hash) => self.remove(&hash).await,
            Order::Stop => {
                if let Some(program) = self.program.take() {
                    program.stop(&self.timeouts).await;
                }
                self.set_not_running(State::Stopped);
                Ok(())
            }
            Order::Start => self.launch(),
            Order::Kill => {
                if let Some(program) = self.program.take() {
                    program.kill().await;
                    self.set_not_running(State::Dead("it was killed".to_owned()));
                }
                Ok(())
            }
            Order::Scrape(metainfo) => self.scrape(&metainfo).await,
            Order::Throttle(rate) => self.throttle(rate).await,
            Order::Cut => self.port.cut().map(|()| self.report.lock().connected = false),
            Order::Restore => self.port.restore().map(|()| self.report.lock().connected = true),
        };
        let _ = answer.send(result);
    }

    async fn add(&mut self, metainfo: Arc<[u8]>, answer: Answer) {
        let result = self.give(metainfo).await;
        if let Ok(hash) = &result
            && self.is_starting()
            && let Some(torrent) = self.torrents.iter_mut().find(|torrent| torrent.hash == *hash)
        {
            torrent.waiting.push(answer);
            return;
        }
        let _ = answer.send(result.map(drop));
    }

    /// Gives the program a torrent, now or once it answers.
    async fn give(&mut self, metainfo: Arc<[u8]>) -> anyhow::Result<InfoHash> {
        let hash = Metainfo::parse(&metainfo, &Limits::default())?.hashes.canonical();
        let folder = content::folder(&self.downloads, &hash);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if self.is_running() {
            within(self.timeouts.order, self.client.add(&metainfo, &folder)).await?;
            self.next = Instant::now();
        }
        if self.torrents.iter().all(|torrent| torrent.hash != hash) {
            self.torrents.push(Torrent { hash, metainfo, waiting: Vec::new() });
        }
        Ok(hash)
    }

    async fn scrape(&mut self, metainfo: &[u8]) -> anyhow::Result<()> {
        let hash = Metainfo::parse(metainfo, &Limits::default())?.hashes.canonical();
        let folder = content::folder(&self.downloads, &hash);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        within(self.timeouts.order, self.client.scrape(metainfo, &folder)).await
    }

    async fn remove(&mut self, hash: &InfoHash) -> anyhow::Result<()> {
        self.torrents.retain(|torrent| torrent.hash != *hash);
        if self.is_running() {
            within(self.timeouts.order, self.client.remove(hash)).await?;
        } else {
            self.removed.push(*hash);
        }
        self.report.lock().shares.retain(|share| share.info_hash != hash.to_string());
        content::delete(&content::folder(&self.downloads, hash)).await
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        if self.is_running() {
            within(self.timeouts.order, self.client.throttle(rate)).await?;
        }
        self.throttled = true;
        self.report.lock().rate = rate;
        Ok(())
    }

    fn is_starting(&self) -> bool {
        self.report.lock().state == State::Starting
    }

    fn is_running(&self) -> bool {
        self.report.lock().state == State::Running
    }

    /// Notes that the program has ended by itself, and why.
    fn note_exit(&mut self, status: io::Result<ExitStatus>) {
        self.program = None;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let lines = last_lines(&self.log);
        let reason = if lines.is_empty() { status } else { format!("{status}: {lines}") };
        tracing::warn!("{} has ended by itself: {reason}", self.name);
        self.set_not_running(State::Dead(reason));
    }

    /// Notes that no program runs: nothing moves, and orders that waited for it are answered.
    fn set_not_running(&mut self, state: State) {
        for torrent in &mut self.torrents {
            torrent.waiting.drain(..).for_each(|answer| drop(answer.send(Ok(()))));
        }
        let mut report = self.report.lock();
        report.state = state;
        for share in &mut report.shares {
            share.activity = Activity::Stopped;
            share.sending = 0;
            share.fetching = 0;
            share.links.clear();
        }
    }
}

async fn ended(program: &mut Option<Program>) -> io::Result<ExitStatus> {
    match program {
        Some(program) => program.wait().await,
        None => std::future::pending().await,
    }
}

/// The outcome of a request, or an error after `limit`.
async fn within<T>(limit: Duration, request: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(limit, request)
        .await
        .unwrap_or_else(|_| Err(anyhow!("it did not answer for {} s", limit.as_secs())))
}
