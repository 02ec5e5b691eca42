//! Internals made public for the example `expiry`, which measures them. Nothing else may use them.

use bt::InfoHash;
use bt::swarm::{Announcement, Budget, MemberRate, PeerBuffer, Rules};

use crate::directory::Torrent;
use crate::swarms::Swarms;

/// All swarms of a tracker, without the rest of it.
#[derive(Debug)]
pub struct Peers(Swarms, Budget);

impl Default for Peers {
    fn default() -> Self {
        let rate = MemberRate { bytes_per_second: u64::MAX, window: 0 };
        Self(Swarms::new(Rules::default(), rate, 0), Budget::default())
    }
}

impl Peers {
    /// Applies an announce at second `now`, as one from the network is applied.
    pub fn announce(
        &self,
        info_hash: InfoHash,
        announcement: &Announcement,
        now: u32,
        rng: &mut fastrand::Rng,
        peers: &mut PeerBuffer,
    ) {
        let torrent = Torrent { id: 1, info_hash, snatched: 0 };
        self.0.announce(&torrent, || true, announcement, &self.1, now, (rng, peers));
    }

    /// Drops peers that were silent for more than `timeout` seconds, in small steps.
    pub async fn expire(&self, now: u32, timeout: u32) {
        self.0.expire(now, timeout).await;
    }

    /// Discards the reports and changed counts that announces have left.
    pub fn gather(&self) {
        self.0.take_reports(u32::MAX, |_, _| {});
        self.0.take_changed();
    }

    /// The number of endpoints.
    pub fn number(&self) -> u64 {
        self.0.totals().1.iter().sum()
    }
}
