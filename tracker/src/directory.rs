//! Who may announce what: members and torrents in memory, and look-ups in the database for those that memory lacks.

mod feed;
mod known;
mod link_state;
mod members;
mod rows;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bt::InfoHash;
use bt::announce_key::{Binding, Nonce};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};

pub(crate) use feed::{Feed, Link, LinkError};
use known::Known;
use link_state::LinkState;
pub(crate) use members::MemberRecord;
use members::Members;
use rows::{MemberRow, TorrentRow};

use crate::restore_progress::RestoreProgress;
use crate::shard::shard_of;

/// Parts of the table of torrents, each with its own lock, so that announces seldom wait for one.
const PARTS: usize = 64;

/// Look-ups that may wait for the database at the same time; beyond that it counts as unavailable.
const LOOKUP_CAPACITY: usize = 8192;

/// A torrent that may be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Torrent {
    /// Id of its row.
    pub(crate) id: u32,
    /// The canonical hash, even if the torrent was found by its other one.
    pub(crate) info_hash: InfoHash,
    /// Members who finished a download.
    pub(crate) snatched: u32,
}

/// What the database says of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// What the member's valid announce keys are bound to.
    pub(crate) key: Binding,
    /// Nonce of the keys before the last reset, so that an old key is recognised. Empty where it is not known.
    pub(crate) former: Nonce,
    /// Whether the account may announce.
    pub(crate) enabled: bool,
}

/// What a request needs and memory lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Torrents by either hash.
    Torrents {
        hashes: Vec<InfoHash>,
        /// Whether the request has taken a token from the member's bucket.
        paid: bool,
    },
    /// A member by id.
    Member(u32),
    /// A torrent's peers: they are still being read from the restart file.
    Swarm(InfoHash),
}

/// A look-up that waits for the database. `answered` is sent once the directory holds what the database said; it is
/// dropped if the database is away.
#[derive(Debug)]
pub(crate) struct Lookup {
    subject: Subject,
    answered: oneshot::Sender<()>,
}

/// The database did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unavailable;

type Part = RwLock<HashMap<InfoHash, Torrent, RandomState>>;

/// The tables. The [`Feed`] alone writes to them, in the order in which it read from the database.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The torrents by either hash. Each lock is held for one look-up or one change.
    torrents: Box<[Part]>,
    members: Members,
    /// The rows that the tables were made of. Announces never lock it. Its holder may lock the tables.
    known: Mutex<Known>,
    /// How far the restart file has been read.
    pub(crate) restored: RestoreProgress,
    /// Whether the tables follow the database.
    pub(crate) link: LinkState,
    lookups: mpsc::Sender<Lookup>,
    /// How long an announce waits for the database.
    timeout: Duration,
}

impl Directory {
    /// Empty tables, and the lookups that a [`Feed`] has to answer.
    pub(crate) fn new(timeout: Duration) -> (Self, mpsc::Receiver<Lookup>) {
        let (lookups, receiver) = mpsc::channel(LOOKUP_CAPACITY);
        let torrents = (0..PARTS).map(|_| Part::default()).collect();
        (
            Self {
                torrents,
                members: Members::default(),
                known: Mutex::default(),
                restored: RestoreProgress::default(),
                link: LinkState::default(),
                lookups,
                timeout,
            },
            receiver,
        )
    }

    /// The torrent with this hash, canonical or not, if it is in memory.
    pub(crate) fn torrent(&self, info_hash: &InfoHash) -> Option<Torrent> {
        self.part(info_hash).read().get(info_hash).copied()
    }

    /// The record of the member with this id, if its page exists.
    pub(crate) fn record(&self, id: u32) -> Option<&MemberRecord> {
        self.members.record(id)
    }

    /// Asks the database. After `Ok` the tables hold what it has of `subject`, and what they do not hold does not
    /// exist. The feed gathers look-ups into one query at a time, which bounds their cost.
    ///
    /// For a swarm, it waits until the restart file has been read so far.
    pub(crate) async fn ask(&self, subject: Subject) -> Result<(), Unavailable> {
        if let Subject::Swarm(info_hash) = subject {
            tracing::debug!("a request waits for the restart file");
            let there = self.restored.wait_for_shard(shard_of(&info_hash)).await;
            return if there { Ok(()) } else { Err(Unavailable) };
        }
        let (answered, answer) = oneshot::channel();
        self.lookups.try_send(Lookup { subject, answered }).map_err(|_| Unavailable)?;
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Unavailable),
        }
    }

    fn put_torrent(&self, row: &TorrentRow) {
        let Some(info_hash) = row.canonical() else { return };
        let torrent = Torrent { id: row.id, info_hash, snatched: row.snatched };
        for hash in row.hashes() {
            self.part(&hash).write().insert(hash, torrent);
        }
    }

    /// Says whether no torrent has the canonical hash any more: it may have been uploaded again meanwhile.
    fn remove_torrent(&self, row: &TorrentRow) -> bool {
        for hash in row.hashes() {
            let mut part = self.part(&hash).write();
            if part.get(&hash).is_some_and(|torrent| torrent.id == row.id) {
                part.remove(&hash);
            }
        }
        row.canonical().is_some_and(|hash| self.torrent(&hash).is_none())
    }

    fn put_member(&self, row: &MemberRow) {
        self.members.put(row.id, row.member);
    }

    fn remove_member(&self, id: u32) {
        self.members.remove(id);
    }

    fn part(&self, info_hash: &InfoHash) -> &Part {
        &self.torrents[usize::from(info_hash.as_bytes()[1]) % PARTS]
    }
}
