//! Announces that come before the restart file is read have to wait, each only for what it needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long an announce waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing has been read: neither who may announce nor any peer.
const CLOSED: usize = 0;

/// Members and torrents are known.
const DIRECTORY: usize = 1;

/// All peers are there.
const OPEN: usize = usize::MAX;

/// How far the restart file has been read. Swarms come in the order of their shards.
#[derive(Debug)]
pub(crate) struct Gate {
    /// [`CLOSED`], [`DIRECTORY`] and one more for each shard, or [`OPEN`].
    stage: AtomicUsize,
    /// Follows `stage`; it is for those who wait.
    told: watch::Sender<usize>,
}

impl Default for Gate {
    /// An open one: there is nothing to be read.
    fn default() -> Self {
        Self { stage: AtomicUsize::new(OPEN), told: watch::Sender::new(OPEN) }
    }
}

impl Gate {
    /// Nothing of the file has been read.
    pub(crate) fn close(&self) {
        self.reach(CLOSED);
    }

    /// Members, torrents and the swarms of the first `count` shards have been read.
    pub(crate) fn open_shards(&self, count: usize) {
        self.reach(DIRECTORY + count);
    }

    /// All has been read that can be.
    pub(crate) fn open(&self) {
        self.reach(OPEN);
    }

    /// Whether members and torrents are known.
    pub(crate) fn has_directory(&self) -> bool {
        self.stage.load(Ordering::Acquire) >= DIRECTORY
    }

    /// Whether the swarms of `shard` are there.
    pub(crate) fn has_shard(&self, shard: usize) -> bool {
        self.stage.load(Ordering::Acquire) > DIRECTORY + shard
    }

    /// Whether all has been read.
    pub(crate) fn is_open(&self) -> bool {
        self.stage.load(Ordering::Acquire) == OPEN
    }

    /// Returns when members and torrents are known.
    pub(crate) async fn directory(&self) {
        self.wait_for(DIRECTORY).await;
    }

    /// Waits for members, torrents and the swarms of `shard`, and says whether they are there.
    pub(crate) async fn shard(&self, shard: usize) -> bool {
        timeout(PATIENCE, self.wait_for(DIRECTORY + shard + 1)).await.is_ok()
    }

    /// Returns when all has been read.
    pub(crate) async fn all(&self) {
        self.wait_for(OPEN).await;
    }

    fn reach(&self, stage: usize) {
        self.stage.store(stage, Ordering::Release);
        self.told.send_replace(stage);
    }

    async fn wait_for(&self, wanted: usize) {
        // It is never closed: the sender is here.
        let _ = self.told.subscribe().wait_for(|stage| *stage >= wanted).await;
    }
}
