//! Reads the restart file twice: first to check that it is whole, then to restore from it. So nothing is restored from
//! a damaged file.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::time::Instant;

use bt::InfoHash;
use bt::restart::{self, MAX_PAYLOAD, RawSection, Reader, Section, Step};

use crate::clock::wall_seconds;
use crate::shard::shard_of;
use crate::state::Tracker;
use crate::swarms::RestoreOptions;

/// Bytes of the file in memory at a time; any section fits.
const BUFFER: usize = MAX_PAYLOAD + 64 * 1024;

/// A restart file that an earlier process wrote.
#[derive(Debug)]
pub(crate) struct FoundFile {
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

impl FoundFile {
    /// Reads all of the file and compares its checksum. The log says what is wrong with it.
    pub(super) fn is_whole(&mut self) -> bool {
        let read = self.each(|_| Ok(())).and_then(|()| Ok(self.file.rewind()?));
        self.log_ignored(read.as_ref().err());
        read.is_ok()
    }

    /// Restores peers, reports, members and torrents, and notes how far that has come. `begun` is when the file was
    /// opened for its check.
    pub(super) fn restore(mut self, tracker: &Tracker, begun: Instant) {
        let read = self.try_restore(tracker);
        self.log_ignored(read.as_ref().err());
        if let Ok(peers) = read {
            let (file, exact) = (self.path.display(), self.exact);
            tracing::info!(%file, peers, exact, elapsed = ?begun.elapsed(), "took over the restart file");
        }
    }

    fn log_ignored(&self, error: Option<&Error>) {
        if let Some(error) = error {
            let file = self.path.display();
            tracing::warn!(%file, %error, "the restart file is ignored");
        }
    }

    fn try_restore(&mut self, tracker: &Tracker) -> Result<usize, Error> {
        let mut restoring = Restoring::new(tracker, self.exact);
        self.each(|section| {
            restoring.take(section.decode()?);
            Ok(())
        })?;
        Ok(restoring.peers)
    }

    /// Hands over each section. Success means that the checksum at the end is right.
    fn each(&mut self, mut use_it: impl FnMut(RawSection<'_>) -> Result<(), Error>) -> Result<(), Error> {
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
                Step::Section(section) => use_it(section)?,
                Step::End if begin + done < end || self.file.read(&mut [0])? > 0 => {
                    return Err(restart::Error::Checksum.into());
                }
                Step::End => return Ok(()),
            }
            begin += done;
        }
    }
}

/// A file that is being restored from.
struct Restoring<'a> {
    tracker: &'a Tracker,
    options: RestoreOptions,
    peers: usize,
}

impl<'a> Restoring<'a> {
    fn new(tracker: &'a Tracker, exact: bool) -> Self {
        let (now, timeout) = (tracker.clock.now(), tracker.settings.peer_timeout);
        let options = RestoreOptions { now, away: 0, timeout, exact, clients: Vec::new() };
        Self { tracker, options, peers: 0 }
    }

    fn take(&mut self, section: Section) {
        let Tracker { directory, swarms, report_queue, .. } = self.tracker;
        match section {
            // If the system's clock was set back since, this counts as no time.
            Section::Saved(at) => {
                self.options.away = u32::try_from(wall_seconds().saturating_sub(at)).unwrap_or(u32::MAX);
            }
            Section::Clients(prefixes) => self.options.clients = prefixes,
            Section::Members(members) => directory.restore_members(&members),
            Section::Torrents(torrents) => directory.restore_torrents(&torrents),
            Section::Reports(position, reports) => report_queue.restore(position, reports),
            Section::Swarm(head, peers) => {
                self.reach(&head.info_hash);
                self.peers += swarms.restore(&head, &peers, &self.options);
            }
        }
    }

    /// Notes that all shards before this torrent's have been read.
    fn reach(&self, info_hash: &InfoHash) {
        let shard = shard_of(info_hash);
        let restored = &self.tracker.directory.restored;
        if !restored.has_directory() || (shard > 0 && !restored.has_shard(shard - 1)) {
            restored.reach_shards(shard);
        }
    }
}
