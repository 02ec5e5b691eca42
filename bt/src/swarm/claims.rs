//! `completed` of peers that the swarm does not know.

use super::{Announcement, Outcome};
use crate::announce::Event;

/// Claims of unknown peers to have finished a download, each kept for a few seconds.
///
/// If the tracker had forgotten the peer, the claim is a snatch. It may also be `WebTorrent`, which says `started` and
/// `completed` in the same millisecond, over two connections, when it begins to seed what it has. If `started` arrives
/// second, it takes the claim back.
#[derive(Debug, Default)]
pub struct Claims(Vec<Claim>);

/// A snatch that counts unless it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Id of the torrent's row.
    pub torrent: u32,
    /// Id of the member.
    pub member: u32,
    /// The member's client, by [`super::IdentityKey::identity`].
    pub identity: u32,
    /// When it was announced, in seconds of the swarm's clock.
    pub at: u32,
}

/// Claims that are kept, at most; one more counts at once.
const MOST: usize = 256;

impl Claims {
    /// Seconds until a claim counts. Two requests of the same moment arrive within them even if the first packet of one
    /// is lost.
    pub const WAIT: u32 = 3;

    /// Follows an announce that was applied at second `now`. It may make a claim, take one back, or prove one, which
    /// becomes a snatch of `outcome`.
    pub fn observe(&mut self, torrent: u32, announcement: &Announcement, outcome: &mut Outcome, now: u32) {
        let Announcement { member, identity, event, .. } = *announcement;
        let is_it = |it: &Claim| (it.torrent, it.member, it.identity) == (torrent, member, identity);
        if outcome.claimed {
            if self.0.len() < MOST {
                self.0.push(Claim { torrent, member, identity, at: now });
            } else {
                outcome.snatched = true;
            }
        } else if event != Event::Completed
            && let Some(at) = self.0.iter().position(is_it)
        {
            self.0.swap_remove(at);
            outcome.snatched |= event != Event::Started;
        }
    }

    /// Calls `take` with each claim that counts by second `now`, and drops it.
    pub fn take_due(&mut self, now: u32, mut take: impl FnMut(Claim)) {
        self.0.retain(|claim| {
            let waits = now < claim.at.saturating_add(Self::WAIT);
            if !waits {
                take(*claim);
            }
            waits
        });
    }

    /// Calls `take` with every claim: no announce will take one back any more.
    pub fn take_all(&mut self, take: impl FnMut(Claim)) {
        std::mem::take(&mut self.0).into_iter().for_each(take);
    }
}
