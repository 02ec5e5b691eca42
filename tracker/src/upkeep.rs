//! Changes to swarms that no announce makes: silent peers, disabled members, deleted torrents, numbers of snatches.

use std::sync::Arc;
use std::time::Duration;

use bt::InfoHash;
use infra::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::state::Tracker;

/// Longest time between two searches for silent peers.
const PERIOD: Duration = Duration::from_secs(30);

/// A change in the database that concerns swarms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The torrent with this canonical hash was deleted.
    TorrentGone(InfoHash),
    /// The member with this id was deleted or disabled.
    MemberGone(u32),
    /// The number of snatches of the torrent with this canonical hash has changed.
    Snatched(InfoHash),
}

/// Sends [`Change`]s to [`run`].
#[derive(Debug, Clone)]
pub(crate) struct ChangeSender(mpsc::UnboundedSender<Change>);

/// The changes that [`run`] has yet to apply.
#[derive(Debug)]
pub(crate) struct Changes(pub(crate) mpsc::UnboundedReceiver<Change>);

/// Makes a queue of changes and returns its two ends.
pub(crate) fn changes() -> (ChangeSender, Changes) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (ChangeSender(sender), Changes(receiver))
}

impl ChangeSender {
    /// A torrent was deleted.
    pub(crate) fn torrent_gone(&self, info_hash: InfoHash) {
        let _ = self.0.send(Change::TorrentGone(info_hash));
    }

    /// A member was deleted or disabled.
    pub(crate) fn member_gone(&self, id: u32) {
        let _ = self.0.send(Change::MemberGone(id));
    }

    /// A torrent's number of snatches has changed.
    pub(crate) fn snatched(&self, info_hash: InfoHash) {
        let _ = self.0.send(Change::Snatched(info_hash));
    }
}

/// Drops silent peers and applies changes until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, Changes(mut changes): Changes, shutdown: Shutdown) {
    // A peer that a change concerns may still be in the restart file.
    tracker.directory.restored.wait_for_everything().await;
    let timeout = tracker.settings.peer_timeout;
    let mut timer = interval(PERIOD.min(Duration::from_secs((timeout / 4).max(1).into())));
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            Some(change) = changes.recv() => match change {
                // Unless it was uploaded again.
                Change::TorrentGone(hash) if tracker.directory.torrent(&hash).is_none() => {
                    tracker.swarms.remove(hash);
                }
                Change::TorrentGone(_) => {}
                Change::Snatched(hash) => {
                    if let Some(torrent) = tracker.directory.torrent(&hash) {
                        tracker.swarms.set_snatched(&torrent);
                    }
                }
                Change::MemberGone(id) => tracker.swarms.remove_member(id).await,
            },
            _ = timer.tick() => tracker.swarms.expire(tracker.clock.now(), timeout).await,
        }
    }
}
