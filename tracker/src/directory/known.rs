//! The rows that the directory was made of, by id: to compare with the database, and for the restart file.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use bt::announce_key::Nonce;
use bt::restart;

use super::rows::{MemberRow, TorrentRow};
use super::{Directory, Member};

/// Each row as it was last read.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) torrents: BTreeMap<u32, TorrentRow>,
    pub(super) members: BTreeMap<u32, Member>,
}

impl Directory {
    /// Ids of known members, from `after` (not included) to `end` (included).
    pub(super) fn member_ids(&self, after: u32, end: u32) -> Vec<u32> {
        let known = self.known.lock();
        known.members.range((Excluded(after), Included(end))).map(|(id, _)| *id).collect()
    }

    /// Ids of known torrents, from `after` (not included) to `end` (included).
    pub(super) fn torrent_ids(&self, after: u32, end: u32) -> Vec<u32> {
        let known = self.known.lock();
        known.torrents.range((Excluded(after), Included(end))).map(|(id, _)| *id).collect()
    }

    /// The numbers of members and of torrents.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let known = self.known.lock();
        (known.members.len(), known.torrents.len())
    }

    /// The next members by id, up to `count`. No announce waits for its lock.
    pub(crate) fn members_after(&self, id: Option<u32>, count: usize) -> Vec<restart::Member> {
        let known = self.known.lock();
        let range = known.members.range((id.map_or(Unbounded, Excluded), Unbounded));
        let member =
            |(&id, &Member { key, enabled, .. }): (&u32, &Member)| restart::Member { id, key, enabled };
        range.take(count).map(member).collect()
    }

    /// The next torrents by id, up to `count`. No announce waits for its lock.
    pub(crate) fn torrents_after(&self, id: Option<u32>, count: usize) -> Vec<restart::Torrent> {
        let known = self.known.lock();
        let range = known.torrents.range((id.map_or(Unbounded, Excluded), Unbounded));
        let torrent = |(_, &TorrentRow { id, v1, v2, snatched }): (&u32, &TorrentRow)| restart::Torrent {
            id,
            v1,
            v2,
            snatched,
        };
        range.take(count).map(torrent).collect()
    }

    /// Adds members from the restart file. To be called before the feed runs, which corrects them as soon as the
    /// database can be read.
    pub(crate) fn restore_members(&self, members: &[restart::Member]) {
        let mut known = self.known.lock();
        for &restart::Member { id, key, enabled } in members {
            let member = Member { key, former: Nonce::EMPTY, enabled };
            known.members.insert(id, member);
            self.put_member(&MemberRow { id, member });
        }
    }

    /// Adds torrents from the restart file, as [`Directory::restore_members`] adds members.
    pub(crate) fn restore_torrents(&self, torrents: &[restart::Torrent]) {
        let mut known = self.known.lock();
        for &restart::Torrent { id, v1, v2, snatched } in torrents {
            let row = TorrentRow { id, v1, v2, snatched };
            known.torrents.insert(id, row);
            self.put_torrent(&row);
        }
    }
}
