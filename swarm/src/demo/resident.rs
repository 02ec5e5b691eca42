//! A client of the demonstration with its account, and the torrents that it is given and loses.
//!
//! Each has a task of its own for that: one that does not answer holds up nobody else.

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
use crate::site::{Member, Site};

/// Until something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// A client and its account. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Resident {
    pub(super) number: u16,
    pub(super) node: Node,
    pub(super) member: Member,
    /// Whether it is given the content of what is uploaded.
    pub(super) seeder: bool,
    pub(super) origins: Origins,
    errands: mpsc::UnboundedSender<Errand>,
}

/// Ids of the torrents whose content a client was given.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(Arc<Mutex<BTreeSet<u32>>>);

/// What a client is to do.
#[derive(Debug)]
pub(super) enum Deed {
    /// It gets its own copy of the .torrent, with the content or without.
    Take(Box<Published>, bool),
    /// It forgets a torrent and deletes its content.
    Forget(InfoHash),
}

/// A deed, and where it is said what became of it. What nobody waits for is tried until it is done.
#[derive(Debug)]
struct Errand {
    deed: Deed,
    answer: Option<oneshot::Sender<anyhow::Result<()>>>,
}

/// Who does the errands of a client.
struct Runner {
    site: Arc<Site>,
    node: Node,
    member: Member,
    origins: Origins,
    /// What is to be tried again, with what went wrong last.
    failed: VecDeque<(Deed, String)>,
}

impl Resident {
    /// Begins to do its errands, until the last clone is gone.
    pub(super) fn new(number: u16, node: Node, member: Member, seeder: bool, site: Arc<Site>) -> Self {
        let (errands, inbox) = mpsc::unbounded_channel();
        let origins = Origins::default();
        let runner = Runner {
            site,
            node: node.clone(),
            member: member.clone(),
            origins: origins.clone(),
            failed: VecDeque::new(),
        };
        tokio::spawn(runner.run(inbox));
        Self { number, node, member, seeder, origins, errands }
    }

    /// Has something done, sooner or later, after all that it was told before.
    pub(super) fn tell(&self, deed: Deed) {
        // It has ended only if all has.
        let _ = self.errands.send(Errand { deed, answer: None });
    }

    /// Has something done after all that it was told before, and waits for it: only once the answer is awaited, but in
    /// its turn from now on.
    pub(super) fn ask(&self, deed: Deed) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let (answer, done) = oneshot::channel();
        let sent = self.errands.send(Errand { deed, answer: Some(answer) });
        async move {
            sent.ok().context("it has ended")?;
            done.await.context("it has ended")?
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

impl Deed {
    fn torrent(&self) -> InfoHash {
        match self {
            Self::Take(published, _) => published.info_hash,
            Self::Forget(hash) => *hash,
        }
    }
}

impl Runner {
    async fn run(mut self, mut errands: mpsc::UnboundedReceiver<Errand>) {
        let mut pause = AGAIN;
        loop {
            tokio::select! {
                biased;
                errand = errands.recv() => {
                    let Some(Errand { deed, answer }) = errand else { return };
                    // What is wanted of a torrent now counts.
                    self.failed.retain(|(failed, _)| failed.torrent() != deed.torrent());
                    let done = self.carry_out(&deed).await;
                    match answer {
                        // Who asked may have gone.
                        Some(answer) => drop(answer.send(done)),
                        None => drop(self.note(deed, done, "")),
                    }
                }
                () = sleep(pause), if !self.failed.is_empty() => {
                    let Some((deed, said)) = self.failed.pop_front() else { continue };
                    let done = self.carry_out(&deed).await;
                    // It is likely that the rest can be done, too.
                    pause = if self.note(deed, done, &said) { Duration::ZERO } else { AGAIN };
                }
            }
        }
    }

    async fn carry_out(&self, deed: &Deed) -> anyhow::Result<()> {
        match deed {
            Deed::Take(published, given) => {
                let metainfo = self.site.metainfo(&self.member, published.id).await?;
                self.origins.note(published.id, *given);
                let content = given.then(|| published.source.clone());
                self.node.order(Order::Add { metainfo: metainfo.into(), content }).await
            }
            Deed::Forget(hash) => self.node.order(Order::Remove(*hash)).await,
        }
    }

    /// Keeps what failed, and says why where that was not `said` already. Whether it is done with.
    fn note(&mut self, deed: Deed, done: anyhow::Result<()>, said: &str) -> bool {
        let Err(error) = done else { return true };
        if self.node.has_ended() {
            return true;
        }
        let why = format!("{error:#}");
        if why != said {
            match &deed {
                Deed::Take(published, _) => {
                    tracing::warn!("{} does not take “{}” yet: {why}", self.node.name, published.title);
                }
                Deed::Forget(_) => tracing::warn!("{} does not forget a torrent yet: {why}", self.node.name),
            }
        }
        self.failed.push_back((deed, why));
        false
    }
}
