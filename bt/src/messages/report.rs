//! Accounting from the tracker to the webapi: what a member has moved of a torrent since the last report.
//!
//! Reports travel in batches, each with a [`Position`] of its own. The tracker keeps a batch unchanged until the webapi
//! says that it has applied it. The webapi stores the last batch applied of each epoch in the transaction that applies
//! it, and so applies none twice.

mod outbox;

use crate::announce::Event;
use crate::bytes::take;
use crate::messages::counts::Position;
use crate::swarm::{Announcement, Claim, Outcome, Swarm};
pub use outbox::Outbox;

/// Bytes of one report.
pub const REPORT_LEN: usize = 49;

/// Reports in one batch at most.
pub const MAX_REPORTS: usize = 1000;

const SNATCHED: u8 = 1;
const STOPPED: u8 = 2;
const CLAMPED: u8 = 4;

/// What a member has moved of a torrent, with all clients together, since the last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Id of the member's row.
    pub member: u32,
    /// Id of the torrent's row.
    pub torrent: u32,
    /// Bytes sent.
    pub uploaded: u64,
    /// Bytes received.
    pub downloaded: u64,
    /// Bytes lacking at the last announce.
    pub left: u64,
    /// Time of the last announce, in seconds since 1970, wherever a report is: swarms count the seconds of a monotonic
    /// clock, and whoever makes a report of theirs converts them.
    pub seen: u64,
    /// Seconds as a seeder.
    pub seeded: u32,
    /// Seconds as a leecher or partial seed.
    pub leeched: u32,
    /// Whether the member finished a download.
    pub snatched: bool,
    /// Whether the last announce was `stopped` and left the member without a peer in the swarm.
    pub stopped: bool,
    /// Whether an announce claimed more bytes than can have been moved in the time. The sums have only those that can.
    pub clamped: bool,
}

impl Report {
    /// What one announce accounts for, at `seen` seconds since 1970. `swarm` is that of the torrent with row `torrent`,
    /// to which the announce has been applied.
    ///
    /// `None` for the `stopped` of a peer that was not in the swarm: it has changed nothing.
    pub fn of(
        torrent: u32,
        announcement: &Announcement,
        outcome: &Outcome,
        swarm: &Swarm,
        seen: u64,
    ) -> Option<Self> {
        let stops = announcement.event == Event::Stopped;
        (outcome.known || !stops).then(|| Self {
            member: announcement.member,
            torrent,
            uploaded: outcome.uploaded,
            downloaded: outcome.downloaded,
            left: outcome.left,
            seen,
            seeded: outcome.seeded,
            leeched: outcome.leeched,
            snatched: outcome.snatched,
            stopped: stops && !swarm.has_member(announcement.member),
            clamped: outcome.clamped,
        })
    }

    /// The snatch that a claim turned out to be, announced at `seen` seconds since 1970. Its peer has not left.
    pub fn of_claim(claim: &Claim, seen: u64) -> Self {
        let Claim { member, torrent, .. } = *claim;
        Self { member, torrent, seen, snatched: true, ..Self::default() }
    }

    /// Adds a later report of the same member and torrent.
    pub fn add(&mut self, later: &Self) {
        self.uploaded = self.uploaded.saturating_add(later.uploaded);
        self.downloaded = self.downloaded.saturating_add(later.downloaded);
        self.seeded = self.seeded.saturating_add(later.seeded);
        self.leeched = self.leeched.saturating_add(later.leeched);
        self.left = later.left;
        self.seen = self.seen.max(later.seen);
        self.stopped = later.stopped;
        self.snatched |= later.snatched;
        self.clamped |= later.clamped;
    }

    /// `member u32 ‖ torrent u32 ‖ uploaded u64 ‖ downloaded u64 ‖ left u64 ‖ seen u64 ‖ seeded u32 ‖ leeched u32 ‖
    /// flags u8`, big-endian; flags are 1 for snatched, 2 for stopped, 4 for clamped.
    pub fn encode(&self) -> [u8; REPORT_LEN] {
        let mut bytes = [0; REPORT_LEN];
        bytes[..4].copy_from_slice(&self.member.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.torrent.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.uploaded.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.downloaded.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.left.to_be_bytes());
        bytes[32..40].copy_from_slice(&self.seen.to_be_bytes());
        bytes[40..44].copy_from_slice(&self.seeded.to_be_bytes());
        bytes[44..48].copy_from_slice(&self.leeched.to_be_bytes());
        let flag = |set, flag| if set { flag } else { 0 };
        bytes[48] = flag(self.snatched, SNATCHED) | flag(self.stopped, STOPPED) | flag(self.clamped, CLAMPED);
        bytes
    }

    /// Reads what [`Report::encode`] writes; `None` for an unknown flag.
    pub fn decode(bytes: &[u8; REPORT_LEN]) -> Option<Self> {
        let mut rest = &bytes[..];
        let member = u32::from_be_bytes(take(&mut rest)?);
        let torrent = u32::from_be_bytes(take(&mut rest)?);
        let uploaded = u64::from_be_bytes(take(&mut rest)?);
        let downloaded = u64::from_be_bytes(take(&mut rest)?);
        let left = u64::from_be_bytes(take(&mut rest)?);
        let seen = u64::from_be_bytes(take(&mut rest)?);
        let seeded = u32::from_be_bytes(take(&mut rest)?);
        let leeched = u32::from_be_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        if flags & !(SNATCHED | STOPPED | CLAMPED) != 0 {
            return None;
        }
        Some(Self {
            member,
            torrent,
            uploaded,
            downloaded,
            left,
            seen,
            seeded,
            leeched,
            snatched: flags & SNATCHED != 0,
            stopped: flags & STOPPED != 0,
            clamped: flags & CLAMPED != 0,
        })
    }
}

/// Whether the batch at `position` has yet to be applied. `applied` is the last batch applied of its epoch.
pub fn is_new(position: Position, applied: Option<u64>) -> bool {
    applied.is_none_or(|applied| position.seq > applied)
}
