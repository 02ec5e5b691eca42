//! The files below a path, and whether they are still what they were.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Event, refusal};

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// In bytes.
    pub(super) size: u64,
    /// Device and inode: a file put in the place of another.
    place: (u64, u64),
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            place: (metadata.dev(), metadata.ino()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// A file to share.
#[derive(Debug)]
pub(super) struct File {
    /// Below the torrent's folder; empty where the file is the torrent.
    pub(super) path: Vec<String>,
    /// Where it is.
    place: PathBuf,
    /// When it was found.
    pub(super) stamp: Stamp,
}

impl File {
    /// Opens it, if it is what was found.
    pub(super) fn open(&self) -> anyhow::Result<fs::File> {
        let file = fs::File::open(&self.place).map_err(|error| unreadable(&self.place, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&self.place, &error))?;
        if Stamp::from(&metadata) == self.stamp { Ok(file) } else { Err(self.changed()) }
    }

    /// Refuses a file that is no longer what was found.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let metadata = fs::metadata(&self.place).map_err(|error| unreadable(&self.place, &error))?;
        if Stamp::from(&metadata) == self.stamp { Ok(()) } else { Err(self.changed()) }
    }

    /// Why reading went wrong.
    pub(super) fn broken(&self, error: &io::Error) -> anyhow::Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.changed(),
            _ => unreadable(&self.place, error),
        }
    }

    fn changed(&self) -> anyhow::Error {
        refusal(format!(
            "{} changed while it was read: try again when nothing writes to it.",
            self.place.display()
        ))
    }
}

/// The file `root`, or all files below the folder, sorted by the parts of their paths.
///
/// A symbolic link is followed at `root`, but nowhere below: it might lead out of the folder, or round in it.
pub(super) fn files(root: &Path, watch: &(dyn Fn(Event<'_>) + Sync)) -> anyhow::Result<Vec<File>> {
    let metadata = fs::metadata(root).map_err(|error| unreadable(root, &error))?;
    if metadata.is_file() {
        return Ok(vec![File { path: Vec::new(), place: root.to_owned(), stamp: Stamp::from(&metadata) }]);
    }
    if !metadata.is_dir() {
        return Err(refusal(format!(
            "{} is neither a file nor a folder: name one of these.",
            root.display()
        )));
    }
    let mut files = Vec::new();
    let mut folders = vec![(Vec::new(), root.to_owned())];
    while let Some((folder, place)) = folders.pop() {
        for entry in fs::read_dir(&place).map_err(|error| unreadable(&place, &error))? {
            let entry = entry.map_err(|error| unreadable(&place, &error))?;
            let place = entry.path();
            // Of a link itself, not of what it leads to.
            let metadata = entry.metadata().map_err(|error| unreadable(&place, &error))?;
            if metadata.is_file() {
                let path = joined(&folder, &entry.file_name(), &place)?;
                files.push(File { path, place, stamp: Stamp::from(&metadata) });
            } else if metadata.is_dir() {
                folders.push((joined(&folder, &entry.file_name(), &place)?, place));
            } else {
                watch(Event::Skipped(&place));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// The name of the file or folder `root`, also of `.`.
pub(super) fn name(root: &Path) -> anyhow::Result<String> {
    let whole;
    let mut name = root.file_name();
    if name.is_none() {
        whole = fs::canonicalize(root).map_err(|error| unreadable(root, &error))?;
        name = whole.file_name();
    }
    let name =
        name.ok_or_else(|| refusal(format!("{} has no name: choose one with --name.", root.display())))?;
    text(name, root)
}

fn joined(folders: &[String], name: &OsStr, place: &Path) -> anyhow::Result<Vec<String>> {
    let mut path = Vec::with_capacity(folders.len() + 1);
    path.extend_from_slice(folders);
    path.push(text(name, place)?);
    Ok(path)
}

/// Names are UTF-8 in a torrent (BEP 3).
fn text(name: &OsStr, place: &Path) -> anyhow::Result<String> {
    let text = name.to_str().map(str::to_owned);
    text.ok_or_else(|| refusal(format!("The name of {} is not UTF-8: rename it.", place.display())))
}

fn unreadable(place: &Path, error: &io::Error) -> anyhow::Error {
    refusal(format!(
        "{} cannot be read ({error}): see to it that it is there and yours to read.",
        place.display()
    ))
}
