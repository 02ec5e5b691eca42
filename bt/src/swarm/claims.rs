//! Downloads that are said to be finished by peers that nothing is known of.

use super::{Announcement, Outcome};
use crate::announce::Event;

/// `completed` of peers that were not here, each for a few seconds.
///
/// The tracker may have forgotten such a peer, and then it is a snatch. Or it is `WebTorrent`, which says `started` and
/// `completed` in the same millisecond, over two connections, when it begins to seed what it has: then `started` may be
/// the later one, and takes the claim back.
#[derive(Debug, Default)]
pub struct Claims(Vec<Claim>);

/// A snatch that is counted unless it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Id of the torrent's row.
    pub torrent: u32,
    /// Id of the member.
    pub member: u32,
    /// Which of the member's clients.
    pub identity: u32,
    /// Second of the announce.
    pub at: u32,
}

/// Claims at a time; one more counts at once.
const MOST: usize = 256;

impl Claims {
    /// Seconds until a claim counts. Two requests of the same moment are not so far apart even where the first packet of
    /// one is lost.
    pub const WAIT: u32 = 3;

    /// An announce was applied at second `now`: it may make a claim, take one back, or prove one, which then stands in
    /// `outcome` as a snatch.
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

    /// Hands over the claims that count at second `now`.
    pub fn take_due(&mut self, now: u32, mut take: impl FnMut(Claim)) {
        self.0.retain(|claim| {
            let waits = now < claim.at.saturating_add(Self::WAIT);
            if !waits {
                take(*claim);
            }
            waits
        });
    }

    /// Hands over all claims: nothing will take them back any more.
    pub fn take_all(&mut self, take: impl FnMut(Claim)) {
        std::mem::take(&mut self.0).into_iter().for_each(take);
    }
}
