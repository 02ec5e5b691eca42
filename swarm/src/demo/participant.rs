//! A client of the demonstration with its account, and the torrents that it is given and loses.
//!
//! Each has an asynchronous task of its own for that: one that does not answer holds up nobody else.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bt::InfoHash;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::published::Published;
use crate::node::{Node, Order};
use crate::site::{Member, RunningSite};

/// Time until a task that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// A client and its account. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    /// The number that its address in the network is made from.
    pub(super) number: u16,
    pub(super) node: Node,
    pub(super) member: Member,
    /// Whether it is given the content of what is uploaded.
    pub(super) seeder: bool,
    pub(super) origins: Origins,
    tasks: mpsc::UnboundedSender<QueuedTask>,
}

/// Ids of the torrents whose content a client was given.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(Arc<Mutex<BTreeSet<u32>>>);

/// What a client is to do with a torrent.
#[derive(Debug)]
pub(super) enum TorrentTask {
    /// Adds it by the client's own copy of the .torrent, with the content or without.
    Add(Box<Published>, bool),
    /// Removes it and deletes its content.
    Remove(InfoHash),
}

/// A task and where its outcome is sent. A task whose outcome nobody waits for is tried until it succeeds.
#[derive(Debug)]
struct QueuedTask {
    task: TorrentTask,
    outcome: Option<oneshot::Sender<anyhow::Result<()>>>,
}

/// Carries out the tasks of a client, one after the other.
struct TaskWorker {
    site: Arc<RunningSite>,
    node: Node,
    member: Member,
    origins: Origins,
    /// Failed tasks, which are tried again, each with its latest error.
    failed: VecDeque<(TorrentTask, String)>,
}

impl Participant {
    /// Starts the worker, which ends with the last clone.
    pub(super) fn new(number: u16, node: Node, member: Member, seeder: bool, site: Arc<RunningSite>) -> Self {
        let (tasks, inbox) = mpsc::unbounded_channel();
        let origins = Origins::default();
        let worker = TaskWorker {
            site,
            node: node.clone(),
            member: member.clone(),
            origins: origins.clone(),
            failed: VecDeque::new(),
        };
        tokio::spawn(worker.run(inbox));
        Self { number, node, member, seeder, origins, tasks }
    }

    /// Queues a task that is tried until it succeeds.
    pub(super) fn queue(&self, task: TorrentTask) {
        // The worker ends with this, its last sender.
        let _ = self.tasks.send(QueuedTask { task, outcome: None });
    }

    /// Queues a task at once, and returns a future of its outcome. It is tried once.
    pub(super) fn attempt(&self, task: TorrentTask) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (sender, outcome) = oneshot::channel();
        let sent = self.tasks.send(QueuedTask { task, outcome: Some(sender) });
        async move {
            sent.ok().context("the client has ended")?;
            outcome.await.context("the client has ended")?
        }
    }
}

impl Origins {
    pub(super) fn contains(&self, torrent: u32) -> bool {
        self.0.lock().contains(&torrent)
    }

    fn note(&self, torrent: u32, given: bool) {
        let mut torrents = self.0.lock();
        if given {
            torrents.insert(torrent);
        } else {
            torrents.remove(&torrent);
        }
    }
}

impl TorrentTask {
    fn torrent(&self) -> InfoHash {
        match self {
            Self::Add(published, _) => published.info_hash,
            Self::Remove(hash) => *hash,
        }
    }
}

impl TaskWorker {
    async fn run(mut self, mut tasks: mpsc::UnboundedReceiver<QueuedTask>) {
        let mut pause = RETRY_PAUSE;
        loop {
            tokio::select! {
                biased;
                queued = tasks.recv() => {
                    let Some(QueuedTask { task, outcome }) = queued else { return };
                    // The newest task of a torrent replaces those that failed.
                    self.failed.retain(|(failed, _)| failed.torrent() != task.torrent());
                    let done = self.carry_out(&task).await;
                    match outcome {
                        // The receiver may be gone.
                        Some(outcome) => drop(outcome.send(done)),
                        None => drop(self.note(task, done, "")),
                    }
                }
                () = sleep(pause), if !self.failed.is_empty() => {
                    let Some((task, said)) = self.failed.pop_front() else { continue };
                    let done = self.carry_out(&task).await;
                    // After a success the other failed tasks are tried at once.
                    pause = if self.note(task, done, &said) { Duration::ZERO } else { RETRY_PAUSE };
                }
            }
        }
    }

    async fn carry_out(&self, task: &TorrentTask) -> anyhow::Result<()> {
        match task {
            TorrentTask::Add(published, given) => {
                let metainfo = self.site.metainfo(&self.member, published.id).await?;
                self.origins.note(published.id, *given);
                let content = given.then(|| published.source.clone());
                self.node.order(Order::Add { metainfo: metainfo.into(), content }).await
            }
            TorrentTask::Remove(hash) => self.node.order(Order::Remove(*hash)).await,
        }
    }

    /// Keeps a task that failed, and logs its error unless that was `said` last. Says whether the task is done with.
    fn note(&mut self, task: TorrentTask, done: anyhow::Result<()>, said: &str) -> bool {
        let Err(error) = done else { return true };
        if self.node.has_ended() {
            return true;
        }
        let why = format!("{error:#}");
        if why != said {
            match &task {
                TorrentTask::Add(published, _) => {
                    tracing::warn!("{} does not take “{}” yet: {why}", self.node.name, published.title);
                }
                TorrentTask::Remove(_) => {
                    tracing::warn!("{} does not remove a torrent yet: {why}", self.node.name);
                }
            }
        }
        self.failed.push_back((task, why));
        false
    }
}
