//! What goes through all swarms in the background: silent peers, disabled members, deleted torrents.

use std::sync::Arc;
use std::time::Duration;

use bt::InfoHash;
use infra::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::Tracker;

/// Longest time between two looks at all peers.
const PERIOD: Duration = Duration::from_secs(30);

/// Whose peers are to be dropped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// By its canonical hash.
    Torrent(InfoHash),
    /// By its id.
    Member(u32),
}

/// Where to report whose peers are to be dropped.
#[derive(Debug, Clone)]
pub(crate) struct Gone(mpsc::UnboundedSender<Departure>);

/// What was reported.
#[derive(Debug)]
pub(crate) struct Departures(pub(crate) mpsc::UnboundedReceiver<Departure>);

/// Both ends of the list of departures.
pub(crate) fn departures() -> (Gone, Departures) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Gone(sender), Departures(receiver))
}

impl Gone {
    /// A torrent was deleted.
    pub(crate) fn torrent(&self, info_hash: InfoHash) {
        let _ = self.0.send(Departure::Torrent(info_hash));
    }

    /// A member was deleted or disabled.
    pub(crate) fn member(&self, id: u32) {
        let _ = self.0.send(Departure::Member(id));
    }
}

/// Drops peers until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, Departures(mut departures): Departures, shutdown: Shutdown) {
    // Whoever leaves meanwhile may still be on the way in.
    tracker.directory.gate.all().await;
    let timeout = tracker.settings.peer_timeout;
    let mut timer = interval(PERIOD.min(Duration::from_secs((timeout / 4).max(1).into())));
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            Some(departure) = departures.recv() => match departure {
                // It may have been uploaded anew.
                Departure::Torrent(hash) if tracker.directory.torrent(&hash).is_none() => {
                    tracker.swarms.remove(hash);
                }
                Departure::Torrent(_) => {}
                Departure::Member(id) => tracker.swarms.remove_member(id).await,
            },
            _ = timer.tick() => tracker.swarms.expire(tracker.clock.now(), timeout).await,
        }
    }
}
