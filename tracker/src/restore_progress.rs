//! How far the restart file has been read. Announces that come before its end wait, each only for what it needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long an announce waits for its swarm.
const SHARD_TIMEOUT: Duration = Duration::from_secs(20);

/// Nothing has been read: neither members and torrents nor any peer.
const NOTHING: usize = 0;

/// Members and torrents have been read.
const DIRECTORY: usize = 1;

/// Everything has been read.
const EVERYTHING: usize = usize::MAX;

/// How far the restart file has been read. It holds swarms in the order of their shards.
#[derive(Debug)]
pub(crate) struct RestoreProgress {
    /// [`NOTHING`], [`DIRECTORY`] and one more for each shard, or [`EVERYTHING`].
    stage: AtomicUsize,
    /// Follows `stage`, for those who wait.
    stages: watch::Sender<usize>,
}

impl Default for RestoreProgress {
    /// There is nothing to be read.
    fn default() -> Self {
        Self { stage: AtomicUsize::new(EVERYTHING), stages: watch::Sender::new(EVERYTHING) }
    }
}

impl RestoreProgress {
    /// A file is going to be read.
    pub(crate) fn begin(&self) {
        self.reach(NOTHING);
    }

    /// Members, torrents and the swarms of the first `count` shards have been read.
    pub(crate) fn reach_shards(&self, count: usize) {
        self.reach(DIRECTORY + count);
    }

    /// Everything that can be read has been.
    pub(crate) fn finish(&self) {
        self.reach(EVERYTHING);
    }

    /// Whether members and torrents have been read.
    pub(crate) fn has_directory(&self) -> bool {
        self.stage.load(Ordering::Acquire) >= DIRECTORY
    }

    /// Whether the swarms of `shard` have been read.
    pub(crate) fn has_shard(&self, shard: usize) -> bool {
        self.stage.load(Ordering::Acquire) > DIRECTORY + shard
    }

    /// Whether everything has been read.
    pub(crate) fn is_finished(&self) -> bool {
        self.stage.load(Ordering::Acquire) == EVERYTHING
    }

    /// Waits until members and torrents have been read.
    pub(crate) async fn wait_for_directory(&self) {
        self.wait_for(DIRECTORY).await;
    }

    /// Waits until the swarms of `shard` have been read, up to [`SHARD_TIMEOUT`], and says whether they have.
    pub(crate) async fn wait_for_shard(&self, shard: usize) -> bool {
        timeout(SHARD_TIMEOUT, self.wait_for(DIRECTORY + shard + 1)).await.is_ok()
    }

    /// Waits until everything has been read.
    pub(crate) async fn wait_for_everything(&self) {
        self.wait_for(EVERYTHING).await;
    }

    fn reach(&self, stage: usize) {
        self.stage.store(stage, Ordering::Release);
        self.stages.send_replace(stage);
    }

    async fn wait_for(&self, wanted: usize) {
        // An error says that the sender is gone, but `self` holds it.
        let _ = self.stages.subscribe().wait_for(|stage| *stage >= wanted).await;
    }
}
