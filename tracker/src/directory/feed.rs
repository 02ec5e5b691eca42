//! Keeps the directory equal to the database: by notifications, look-ups and a periodic comparison, one after the other
//! on one connection. So what was read earlier never overwrites what was read later.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use infra::config::Postgresql;
use infra::shutdown::Shutdown;
use infra::{db, migrations};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::{AsyncMessage, NoTls};

use super::rows::{MemberRow, Queries, TorrentRow};
use super::{Directory, Lookup, Subject};
use crate::upkeep::ChangeSender;

/// How long a query may take, and opening a connection; the feed connects anew then.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Look-ups or notifications answered by one query, at most.
const BATCH: usize = 1000;

/// A notification that a row has changed.
#[derive(Debug, Clone, Copy)]
enum Notice {
    Torrent(u32),
    Member(u32),
}

impl Notice {
    /// `torrent:ID` and `user:ID`, or `torrents:ID,ID…`, as what changes many at once says.
    fn parse(payload: &str) -> impl Iterator<Item = Self> {
        let (kind, ids) = payload.split_once(':').unwrap_or_default();
        let notice = match kind {
            "torrent" | "torrents" => Some(Self::Torrent as fn(u32) -> Self),
            "user" => Some(Self::Member as fn(u32) -> Self),
            _ => None,
        };
        let ids = ids.split(',').filter_map(|id| id.parse().ok());
        notice.into_iter().flat_map(move |notice| ids.clone().map(notice))
    }
}

/// A connection to the database that listens for notifications.
#[derive(Debug)]
pub(crate) struct Link {
    queries: Queries,
    notices: mpsc::UnboundedReceiver<Notice>,
}

/// Why there is no [`Link`].
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Trying again may help.
    Away(anyhow::Error),
    /// The schema is of another version.
    Schema(anyhow::Error),
}

impl Link {
    /// Connects, checks the schema, listens and prepares the statements.
    pub(crate) async fn open(login: &Postgresql) -> Result<Self, LinkError> {
        match timeout(QUERY_TIMEOUT, Self::open_slowly(login)).await {
            Ok(link) => link,
            Err(elapsed) => Err(LinkError::Away(elapsed.into())),
        }
    }

    async fn open_slowly(login: &Postgresql) -> Result<Self, LinkError> {
        let away = |error: tokio_postgres::Error| LinkError::Away(anyhow::anyhow!(db::state(&error)));
        let (client, mut connection) = db::settings(login, "tracker").connect(NoTls).await.map_err(away)?;
        let (heard, notices) = mpsc::unbounded_channel();
        // This task ends with the client. If the connection ends first, `heard` is dropped, which the feed notices.
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notification) = message {
                    for notice in Notice::parse(notification.payload()) {
                        let _ = heard.send(notice);
                    }
                }
            }
        });
        if let Err(error) = migrations::check(&client).await {
            let cause = error.downcast_ref::<tokio_postgres::Error>();
            let away = cause.is_some_and(db::is_unavailable);
            return Err(if away { LinkError::Away(error) } else { LinkError::Schema(error) });
        }
        client.batch_execute("listen directory").await.map_err(away)?;
        let queries = Queries::prepare(client).await.map_err(away)?;
        Ok(Self { queries, notices })
    }
}

/// The task that writes to a [`Directory`]; there is one.
#[derive(Debug)]
pub(crate) struct Feed {
    directory: Arc<Directory>,
    lookups: mpsc::Receiver<Lookup>,
    changes: ChangeSender,
}

/// How far a comparison with the database has come: the last id compared, of members first, then of torrents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Members(u32),
    Torrents(u32),
    Done,
}

impl Feed {
    /// A feed that has read nothing yet. It sends to `changes` what concerns swarms.
    pub(crate) fn new(
        directory: Arc<Directory>,
        lookups: mpsc::Receiver<Lookup>,
        changes: ChangeSender,
    ) -> Self {
        Self { directory, lookups, changes }
    }

    /// Follows the database until the process stops: over `link` if there is one, and over a new connection whenever
    /// one ends.
    pub(crate) async fn run(
        mut self,
        login: Postgresql,
        mut link: Option<Link>,
        reconcile: Duration,
        shutdown: Shutdown,
    ) {
        // The restart file first: what it holds is older than what the database says.
        self.directory.restored.wait_for_directory().await;
        let mut away = link.is_none();
        loop {
            if let Some(link) = link.take() {
                away = false;
                self.directory.link.connect(true);
                let ended = tokio::select! {
                    () = shutdown.requested() => return,
                    ended = self.follow(link, reconcile) => ended,
                };
                self.directory.link.connect(false);
                if let Err(error) = ended {
                    tracing::warn!(error = format!("{error:#}"), "the database connection ended");
                }
            }
            let connected = tokio::select! {
                () = shutdown.requested() => return,
                connected = Link::open(&login) => connected,
                () = self.refuse() => continue,
            };
            match connected {
                Ok(connected) => {
                    tracing::info!("connected to the database");
                    link = Some(connected);
                    continue;
                }
                Err(LinkError::Away(error) | LinkError::Schema(error)) if !away => {
                    tracing::warn!(error = format!("{error:#}"), "the database is away; trying again");
                    away = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = shutdown.requested() => return,
                () = self.refuse() => {}
                () = sleep(RECONNECT_PAUSE) => {}
            }
        }
    }

    /// Drops look-ups, which tells their requests that the database is away. Never returns.
    async fn refuse(&mut self) {
        while self.lookups.recv().await.is_some() {}
        std::future::pending::<()>().await;
    }

    /// Returns when the connection has ended.
    async fn follow(&mut self, link: Link, reconcile: Duration) -> anyhow::Result<()> {
        let Link { queries, mut notices } = link;
        let mut timer = interval(reconcile);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut heard, mut waiting) = (Vec::new(), Vec::new());
        let mut progress = Progress::Done;
        let mut begun = Instant::now();
        loop {
            tokio::select! {
                count = notices.recv_many(&mut heard, BATCH) => {
                    if count == 0 {
                        bail!("the database closed the connection");
                    }
                    in_time(self.read_changed(&queries, &heard)).await?;
                    self.directory.link.confirm();
                    heard.clear();
                }
                count = self.lookups.recv_many(&mut waiting, BATCH) => {
                    if count == 0 {
                        return Ok(());
                    }
                    in_time(self.answer(&queries, &mut waiting)).await?;
                    self.directory.link.confirm();
                }
                _ = timer.tick(), if progress == Progress::Done => {
                    begun = Instant::now();
                    progress = Progress::Members(0);
                }
                () = std::future::ready(()), if progress != Progress::Done => {
                    progress = in_time(self.compare(&queries, progress)).await?;
                    self.directory.link.confirm();
                    if progress == Progress::Done {
                        let (members, torrents) = self.directory.sizes();
                        tracing::debug!(torrents, members, elapsed = ?begun.elapsed(), "compared with the database");
                    }
                }
            }
        }
    }

    async fn read_changed(&mut self, queries: &Queries, heard: &[Notice]) -> anyhow::Result<()> {
        let (mut torrents, mut members) = (Vec::new(), Vec::new());
        for notice in heard {
            match notice {
                Notice::Torrent(id) => torrents.push(*id),
                Notice::Member(id) => members.push(*id),
            }
        }
        if !members.is_empty() {
            let rows =
                queries.members_by_id(&members).await.context("cannot read members that have changed")?;
            self.put_members(&members, &rows);
        }
        if !torrents.is_empty() {
            let rows =
                queries.torrents_by_id(&torrents).await.context("cannot read torrents that have changed")?;
            self.put_torrents(&torrents, &rows);
        }
        Ok(())
    }

    async fn answer(&mut self, queries: &Queries, waiting: &mut Vec<Lookup>) -> anyhow::Result<()> {
        let (mut hashes, mut ids) = (Vec::new(), Vec::new());
        for lookup in &*waiting {
            match &lookup.subject {
                Subject::Torrents { hashes: some, .. } => hashes.extend_from_slice(some),
                Subject::Member(id) => ids.push(*id),
                Subject::Swarm(_) => {}
            }
        }
        // An error drops the look-ups, which tells their requests that the database is away.
        let waiting = std::mem::take(waiting);
        if !ids.is_empty() {
            let rows = queries.members_by_id(&ids).await.context("cannot look up members")?;
            self.put_members(&ids, &rows);
        }
        if !hashes.is_empty() {
            let rows = queries.torrents_by_hash(&hashes).await.context("cannot look up torrents")?;
            self.put_torrents(&[], &rows);
        }
        for lookup in waiting {
            let _ = lookup.answered.send(());
        }
        Ok(())
    }

    /// Reads one page and brings memory in line with it.
    async fn compare(&mut self, queries: &Queries, progress: Progress) -> anyhow::Result<Progress> {
        Ok(match progress {
            Progress::Members(after) => {
                let (rows, last) =
                    queries.members_after(after).await.context("cannot read the members to compare")?;
                let end = if last { u32::MAX } else { rows.last().map_or(u32::MAX, |row| row.id) };
                let known = self.directory.member_ids(after, end);
                self.put_members(&known, &rows);
                if last { Progress::Torrents(0) } else { Progress::Members(end) }
            }
            Progress::Torrents(after) => {
                let (rows, last) =
                    queries.torrents_after(after).await.context("cannot read the torrents to compare")?;
                let end = if last { u32::MAX } else { rows.last().map_or(u32::MAX, |row| row.id) };
                let known = self.directory.torrent_ids(after, end);
                self.put_torrents(&known, &rows);
                if last { Progress::Done } else { Progress::Torrents(end) }
            }
            Progress::Done => Progress::Done,
        })
    }

    /// Stores `rows`. Ids of `ids` that are not among them do not exist any more.
    pub(super) fn put_torrents(&mut self, ids: &[u32], rows: &[TorrentRow]) {
        let mut found: Vec<u32> = rows.iter().map(|row| row.id).collect();
        found.sort_unstable();
        let mut known = self.directory.known.lock();
        for id in ids.iter().filter(|id| found.binary_search(id).is_err()) {
            if let Some(row) = known.torrents.remove(id)
                && self.directory.remove_torrent(&row)
                && let Some(hash) = row.canonical()
            {
                self.changes.torrent_gone(hash);
            }
        }
        for row in rows {
            let before = known.torrents.insert(row.id, *row);
            if before == Some(*row) {
                continue;
            }
            self.directory.put_torrent(row);
            if before.is_some_and(|before| before.snatched != row.snatched)
                && let Some(hash) = row.canonical()
            {
                self.changes.snatched(hash);
            }
        }
    }

    /// Stores `rows`. Ids of `ids` that are not among them do not exist any more.
    pub(super) fn put_members(&mut self, ids: &[u32], rows: &[MemberRow]) {
        let mut found: Vec<u32> = rows.iter().map(|row| row.id).collect();
        found.sort_unstable();
        let mut known = self.directory.known.lock();
        for id in ids.iter().filter(|id| found.binary_search(id).is_err()) {
            if known.members.remove(id).is_some() {
                self.directory.remove_member(*id);
                self.changes.member_gone(*id);
            }
        }
        for row in rows {
            let before = known.members.insert(row.id, row.member);
            if before != Some(row.member) {
                self.directory.put_member(row);
            }
            if !row.member.enabled && before.is_some_and(|before| before.enabled) {
                self.changes.member_gone(row.id);
            }
        }
    }
}

/// Waits for what a query returns, for [`QUERY_TIMEOUT`] at most.
async fn in_time<T>(query: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(QUERY_TIMEOUT, query).await.context("the database took too long to answer")?
}
