//! The file that carries swarms, sessions and reports over a restart.
//!
//! `FILE.stopped` is written after the last announce of a process that was asked to stop: accounting continues exactly
//! from it. `FILE.running` is written every minute while announces come in. After a kill its peers come back, but their
//! first announce is only a new baseline, so that nothing is counted twice. A process that reads `FILE.stopped` checks
//! its checksum and renames it to `FILE.running` before it answers the first announce, which the file does not contain.
//! If the checksum is wrong, the older `FILE.running` is used.

mod reading;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bt::restart::{MAX_ROWS, Writer};
use infra::shutdown::Shutdown;
use parking_lot::Mutex;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::clock::wall_seconds;
use crate::state::Tracker;
pub(crate) use reading::FoundFile;

/// Time between two copies of `FILE.running`.
const PERIOD: Duration = Duration::from_mins(1);

/// Bytes gathered for one write to the file.
const PIECE: usize = 256 * 1024;

/// When a copy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyKind {
    /// The file is written while announces come in.
    Running,
    /// The file is written after the last announce.
    Stopped,
}

/// The file's three names.
#[derive(Debug)]
pub(crate) struct RestartFile {
    stopped: PathBuf,
    running: PathBuf,
    new: PathBuf,
    /// Whether the last attempt to write failed. The log says so at the first failure only.
    failing: AtomicBool,
    /// Held while `new` is written: the copy at the stop may meet one that is under way.
    writing: Mutex<()>,
}

impl RestartFile {
    /// The copy that is written while announces come in.
    pub(crate) fn running(&self) -> &Path {
        &self.running
    }

    /// `file` is `tracker.restartFile` of the configuration.
    pub(crate) fn new(file: &Path) -> Self {
        let name = |suffix: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let (stopped, running, new) = (name(".stopped"), name(".running"), name(".new"));
        Self { stopped, running, new, failing: AtomicBool::new(false), writing: Mutex::new(()) }
    }

    /// Opens the files of earlier processes, `FILE.stopped` first. To be called before any announce is answered.
    pub(crate) fn find(&self) -> Vec<FoundFile> {
        let files = [(&self.stopped, true), (&self.running, false)];
        let found = files.map(|(path, exact)| match File::open(path) {
            Ok(file) => Some(FoundFile { file, path: path.clone(), exact }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let file = path.display();
                tracing::warn!(%file, %error, "cannot open the restart file; going on without it");
                None
            }
        });
        found.into_iter().flatten().collect()
    }

    /// Restores the first file that is whole, and notes how far that has come.
    fn restore(&self, found: Vec<FoundFile>, tracker: &Tracker) {
        let begun = Instant::now();
        for mut found in found {
            if found.is_whole() && (!found.exact || self.take_over()) {
                return found.restore(tracker, begun);
            }
        }
    }

    /// Renames `FILE.stopped` to `FILE.running`, and says whether that worked.
    fn take_over(&self) -> bool {
        let moved = fs::rename(&self.stopped, &self.running).and_then(|()| self.sync_folder());
        if let Err(error) = &moved {
            let file = self.stopped.display();
            tracing::warn!(%file, %error, "cannot take the restart file over; an older one is used");
        }
        moved.is_ok()
    }

    /// Writes a copy of all that `tracker` holds. If that fails, the log says so and the copy before it stays.
    pub(crate) fn write(&self, tracker: &Tracker, copy: CopyKind) {
        let _writing = self.writing.lock();
        let begun = Instant::now();
        match self.try_write(tracker, copy) {
            Ok(bytes) => {
                self.failing.store(false, Ordering::Relaxed);
                tracing::debug!(bytes, elapsed = ?begun.elapsed(), "wrote the restart file");
            }
            Err(error) => {
                // An incomplete copy is useless, and may be what fills the disk.
                let _ = fs::remove_file(&self.new);
                let file = self.new.display();
                if self.failing.swap(true, Ordering::Relaxed) {
                    tracing::debug!(%file, %error, "cannot write the restart file, as before");
                } else {
                    tracing::warn!(%file, %error, "cannot write the restart file; a restart would lose peers");
                }
            }
        }
    }

    fn try_write(&self, tracker: &Tracker, copy: CopyKind) -> io::Result<u64> {
        match fs::remove_file(&self.new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(folder) = self.new.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.new)?;
        let bytes = write_all(tracker, &mut file)?;
        file.sync_all()?;
        let name = match copy {
            CopyKind::Running => &self.running,
            CopyKind::Stopped => &self.stopped,
        };
        fs::rename(&self.new, name)?;
        if copy == CopyKind::Running {
            // A `FILE.stopped` that could not be taken over is out of date: a later start must not read it as exact.
            match fs::remove_file(&self.stopped) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.sync_folder()?;
        Ok(bytes)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.new.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Listens for SIGUSR1, by which an operator has a copy written at once, for example before the machine is upgraded.
pub(crate) fn asked() -> io::Result<Signal> {
    signal(SignalKind::user_defined1())
}

/// Restores what was found, then writes a copy every minute, and whenever it is `asked` for, until the process stops.
pub(crate) async fn run(
    tracker: Arc<Tracker>,
    file: Arc<RestartFile>,
    found: Vec<FoundFile>,
    mut asked: Signal,
    shutdown: Shutdown,
) {
    if !found.is_empty() {
        let (reader, file) = (Arc::clone(&tracker), Arc::clone(&file));
        if spawn_blocking(move || file.restore(found, &reader)).await.is_err() {
            tracing::error!("restoring from the restart file panicked");
        }
        tracker.directory.restored.finish();
    }
    let mut timer = interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            _ = asked.recv() => {}
            _ = timer.tick() => {}
        }
        let (tracker, file) = (Arc::clone(&tracker), Arc::clone(&file));
        if spawn_blocking(move || file.write(&tracker, CopyKind::Running)).await.is_err() {
            tracing::error!("writing the restart file panicked");
        }
    }
}

/// Writes all that `tracker` holds and returns the number of bytes. Goes through a small buffer, so that millions of
/// peers are not in memory twice.
fn write_all(tracker: &Tracker, file: &mut File) -> io::Result<u64> {
    let mut writer = Writer::default();
    let mut bytes = 0;
    let mut flush = |writer: &mut Writer, least: usize| {
        if writer.bytes().len() > least {
            file.write_all(writer.bytes())?;
            bytes += writer.bytes().len() as u64;
            writer.clear();
        }
        io::Result::Ok(())
    };
    writer.saved(wall_seconds());
    writer.clients(&tracker.swarms.clients());
    let mut last = None;
    loop {
        let members = tracker.directory.members_after(last, MAX_ROWS);
        let Some(end) = members.last() else { break };
        last = Some(end.id);
        writer.members(members.into_iter());
        flush(&mut writer, PIECE)?;
    }
    last = None;
    loop {
        let torrents = tracker.directory.torrents_after(last, MAX_ROWS);
        let Some(end) = torrents.last() else { break };
        last = Some(end.id);
        writer.torrents(torrents.into_iter());
        flush(&mut writer, PIECE)?;
    }
    tracker.report_queue.gather(&tracker.swarms, tracker.clock);
    tracker.report_queue.export(|position, reports| {
        writer.reports(position, reports);
        flush(&mut writer, PIECE)
    })?;
    tracker.swarms.export(&mut writer, tracker.clock.now(), |writer| flush(writer, PIECE))?;
    writer.finish();
    flush(&mut writer, 0)?;
    Ok(bytes)
}
