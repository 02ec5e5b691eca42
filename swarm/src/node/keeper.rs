//! What goes on in a client's thread: it keeps the program, asks it each second and carries out orders.

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
use super::program::{Program, last_words};
use super::{Inbox, Order, Report, State, Timeouts};
use crate::client::{Activity, Client};
use crate::network::Port;

/// How often a program is asked whether it can be asked.
const KNOCK: Duration = Duration::from_millis(250);

/// How often it is asked for its shares.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Keeper {
    /// Of the client, for the log.
    name: String,
    client: Box<dyn Client>,
    timeouts: Timeouts,
    port: Port,
    downloads: PathBuf,
    log: PathBuf,
    report: Arc<Mutex<Report>>,
    /// Kept in step with [`Report::state`]: there while that is starting or running.
    program: Option<Program>,
    /// When the program was started.
    start: Instant,
    /// When it is looked at next.
    next: Instant,
    /// Whether the rate is another than the client was made with.
    throttled: bool,
    /// What the program has, or is to be given once it answers.
    torrents: Vec<Torrent>,
    /// What its session may hold still, with other content than there is now: it was removed while it did not run.
    removed: Vec<InfoHash>,
}

struct Torrent {
    hash: InfoHash,
    metainfo: Arc<[u8]>,
    /// Who waits for it to be added.
    waiting: Vec<Answer>,
}

type Answer = oneshot::Sender<anyhow::Result<()>>;

impl Keeper {
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

    /// Until it is told to end, or nobody can tell it anything any more.
    pub(super) async fn keep(mut self, inbox: Inbox) {
        let Inbox { mut messages, mut ending } = inbox;
        let work = async {
            loop {
                tokio::select! {
                    message = messages.recv() => match message {
                        Some((order, answer)) => self.obey(order, answer).await,
                        None => return,
                    },
                    status = ended(&mut self.program) => self.bury(status),
                    () = sleep_until(self.next), if self.program.is_some() => self.look().await,
                }
            }
        };
        // A program that does not answer keeps nobody from ending it.
        tokio::select! {
            () = work => {}
            _ = ending.wait_for(|asked| *asked) => {}
        }
        if let Some(program) = self.program.take() {
            program.stop(&self.timeouts).await;
        }
        self.rest(State::Stopped);
        // By the end of `messages` it is seen that all is done.
    }

    async fn look(&mut self) {
        let now = Instant::now();
        if self.is_running() {
            self.next = now + LOOK;
            // Where it does not answer, the report grows older.
            if let Ok(Ok(shares)) = timeout(self.timeouts.answer, self.client.shares()).await {
                let mut report = self.report.lock();
                report.shares = shares;
                report.at = Instant::now();
            }
            return;
        }
        self.next = now + KNOCK;
        match timeout(self.timeouts.answer, self.client.version()).await {
            Ok(Ok(version)) => self.greet(version).await,
            _ if self.start.elapsed() > self.timeouts.start => {
                if let Some(program) = self.program.take() {
                    program.kill().await;
                }
                let words = last_words(&self.log);
                let reason = format!("it did not answer for {} s: {words}", self.timeouts.start.as_secs());
                tracing::warn!("{} is dead: {reason}", self.name);
                self.rest(State::Dead(reason));
            }
            _ => {}
        }
    }

    /// Brings a program that answers for the first time to what was ordered.
    async fn greet(&mut self, version: String) {
        if let Err(error) = self.forget_others().await {
            tracing::warn!("{} keeps torrents that it should not: {error:#}", self.name);
        }
        let rate = self.report.lock().rate;
        if self.throttled
            && let Err(error) = within(self.timeouts.order, self.client.throttle(rate)).await
        {
            tracing::warn!("{} has another rate than it should: {error:#}", self.name);
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
                tracing::warn!("{} lacks a torrent after its start: {error:#}", self.name);
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

    /// Takes from its session what it is not to have.
    async fn forget_others(&mut self) -> anyhow::Result<()> {
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

    async fn obey(&mut self, order: Order, answer: Answer) {
        let result = match order {
            // Its content is where it belongs by now.
            Order::Add { metainfo, .. } => return self.add(metainfo, answer).await,
            Order::Remove(hash) => self.remove(&hash).await,
            Order::Stop => {
                if let Some(program) = self.program.take() {
                    program.stop(&self.timeouts).await;
                }
                self.rest(State::Stopped);
                Ok(())
            }
            Order::Start => self.launch(),
            Order::Kill => {
                if let Some(program) = self.program.take() {
                    program.kill().await;
                    self.rest(State::Dead("it was killed".to_owned()));
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
        let result = self.take(metainfo).await;
        if let Ok(hash) = &result
            && self.is_starting()
            && let Some(torrent) = self.torrents.iter_mut().find(|torrent| torrent.hash == *hash)
        {
            torrent.waiting.push(answer);
            return;
        }
        let _ = answer.send(result.map(drop));
    }

    /// Has the program have a torrent, now or once it answers.
    async fn take(&mut self, metainfo: Arc<[u8]>) -> anyhow::Result<InfoHash> {
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

    /// The program has ended by itself.
    fn bury(&mut self, status: io::Result<ExitStatus>) {
        self.program = None;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let words = last_words(&self.log);
        let reason = if words.is_empty() { status } else { format!("{status}: {words}") };
        tracing::warn!("{} has ended by itself: {reason}", self.name);
        self.rest(State::Dead(reason));
    }

    /// There is no program any more: nothing moves, and who waits for it has waited enough.
    fn rest(&mut self, state: State) {
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

/// What a program was asked to do, which must not take for ever.
async fn within<T>(limit: Duration, deed: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(limit, deed).await.unwrap_or_else(|_| Err(anyhow!("it did not answer for {} s", limit.as_secs())))
}
