//! Reads the file twice: first whether it is whole, then what it says. So nothing is taken from a damaged one.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::time::Instant;

use bt::InfoHash;
use bt::restart::{self, Frame, MAX_PAYLOAD, Reader, Section, Step};

use crate::clock::wall_seconds;
use crate::shard::shard_of;
use crate::state::Tracker;
use crate::swarms::Return;

/// Bytes of the file in memory. Any section fits.
const BUFFER: usize = MAX_PAYLOAD + 64 * 1024;

/// A file that a process before left behind.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// Whether nothing was announced after it was written.
    pub(super) exact: bool,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Format(#[from] restart::Error),
}

impl Found {
    /// Reads all of it for its checksum. What is wrong with it is said.
    pub(super) fn is_whole(&mut self) -> bool {
        let read = self.each(|_| Ok(())).and_then(|()| Ok(self.file.rewind()?));
        self.say_ignored(read.as_ref().err());
        read.is_ok()
    }

    /// Restores peers, reports, members and torrents, and notes how far that has come. `begun` is when the file was opened
    /// for its check.
    pub(super) fn restore(mut self, tracker: &Tracker, begun: Instant) {
        let read = self.try_restore(tracker);
        self.say_ignored(read.as_ref().err());
        if let Ok(peers) = read {
            let (file, exact) = (self.path.display(), self.exact);
            tracing::info!(%file, peers, exact, elapsed = ?begun.elapsed(), "took over the restart file");
        }
    }

    fn say_ignored(&self, error: Option<&Error>) {
        if let Some(error) = error {
            let file = self.path.display();
            tracing::warn!(%file, %error, "the restart file is ignored");
        }
    }

    fn try_restore(&mut self, tracker: &Tracker) -> Result<usize, Error> {
        let mut restoring = Restoring::new(tracker, self.exact);
        self.each(|frame| {
            restoring.take(frame.decode()?);
            Ok(())
        })?;
        Ok(restoring.peers)
    }

    /// Hands over each section; the last one is followed by the right checksum if this succeeds.
    fn each(&mut self, mut use_it: impl FnMut(Frame<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let mut reader = Reader::default();
        let mut buffer = vec![0; BUFFER];
        let (mut begin, mut end) = (0, 0);
        loop {
            let (done, step) = reader.read(&buffer[begin..end])?;
            match step {
                Step::Partial => {
                    buffer.copy_within(begin..end, 0);
                    (begin, end) = (0, end - begin);
                    match self.file.read(&mut buffer[end..])? {
                        0 => return Err(restart::Error::Cut.into()),
                        count => end += count,
                    }
                    continue;
                }
                Step::Header => {}
                Step::Section(frame) => use_it(frame)?,
                Step::End if begin + done < end || self.file.read(&mut [0])? > 0 => {
                    return Err(restart::Error::Checksum.into());
                }
                Step::End => return Ok(()),
            }
            begin += done;
        }
    }
}

/// A file on its way into memory.
struct Restoring<'a> {
    tracker: &'a Tracker,
    how: Return,
    peers: usize,
}

impl<'a> Restoring<'a> {
    fn new(tracker: &'a Tracker, exact: bool) -> Self {
        let (now, timeout) = (tracker.clock.now(), tracker.settings.peer_timeout);
        let how = Return { now, away: 0, timeout, exact, clients: Vec::new() };
        Self { tracker, how, peers: 0 }
    }

    fn take(&mut self, section: Section) {
        let Tracker { directory, swarms, report_queue, .. } = self.tracker;
        match section {
            // If the system's clock was set back meanwhile, no time has passed.
            Section::Saved(at) => {
                self.how.away = u32::try_from(wall_seconds().saturating_sub(at)).unwrap_or(u32::MAX);
            }
            Section::Clients(prefixes) => self.how.clients = prefixes,
            Section::Members(members) => directory.restore_members(&members),
            Section::Torrents(torrents) => directory.restore_torrents(&torrents),
            Section::Reports(position, reports) => report_queue.restore(position, reports),
            Section::Swarm(head, peers) => {
                self.reach(&head.info_hash);
                self.peers += swarms.restore(&head, &peers, &self.how);
            }
        }
    }

    /// Everything of the shards before this one has been read.
    fn reach(&self, info_hash: &InfoHash) {
        let shard = shard_of(info_hash);
        let restored = &self.tracker.directory.restored;
        if !restored.has_directory() || (shard > 0 && !restored.has_shard(shard - 1)) {
            restored.reach_shards(shard);
        }
    }
}
