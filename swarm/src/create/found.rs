//! The files below a path, and whether they have changed since they were found.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Event, refusal};

/// Metadata of a file. If it differs at a later look, the file was changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// In bytes.
    pub(super) size: u64,
    /// Device and inode, which differ for a file that replaced another.
    identity: (u64, u64),
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            identity: (metadata.dev(), metadata.ino()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// A file to share.
#[derive(Debug)]
pub(super) struct File {
    /// Names below the torrent's folder; empty for a torrent of a single file.
    pub(super) path: Vec<String>,
    /// The path on the disk.
    location: PathBuf,
    /// Its state when it was found.
    pub(super) stamp: Stamp,
}

impl File {
    /// Opens the file, unless it has changed.
    pub(super) fn open(&self) -> anyhow::Result<fs::File> {
        let file = fs::File::open(&self.location).map_err(|error| unreadable(&self.location, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&self.location, &error))?;
        if Stamp::from(&metadata) == self.stamp { Ok(file) } else { Err(self.changed()) }
    }

    /// Refuses a file that has changed.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let metadata = fs::metadata(&self.location).map_err(|error| unreadable(&self.location, &error))?;
        if Stamp::from(&metadata) == self.stamp { Ok(()) } else { Err(self.changed()) }
    }

    /// The refusal for an error in reading it.
    pub(super) fn broken(&self, error: &io::Error) -> anyhow::Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.changed(),
            _ => unreadable(&self.location, error),
        }
    }

    fn changed(&self) -> anyhow::Error {
        refusal(format!(
            "{} changed while it was read: try again when nothing writes to it.",
            self.location.display()
        ))
    }
}

/// The file `root`, or all files below the folder, sorted by the parts of their paths.
///
/// A symbolic link is followed at `root`, but nowhere below, where it could lead out of the folder or in a circle.
pub(super) fn files(root: &Path, watch: &(dyn Fn(Event<'_>) + Sync)) -> anyhow::Result<Vec<File>> {
    let metadata = fs::metadata(root).map_err(|error| unreadable(root, &error))?;
    if metadata.is_file() {
        return Ok(vec![File { path: Vec::new(), location: root.to_owned(), stamp: Stamp::from(&metadata) }]);
    }
    if !metadata.is_dir() {
        return Err(refusal(format!(
            "{} is neither a file nor a folder: name one of these.",
            root.display()
        )));
    }
    let mut files = Vec::new();
    let mut folders = vec![(Vec::new(), root.to_owned())];
    while let Some((folder, location)) = folders.pop() {
        for entry in fs::read_dir(&location).map_err(|error| unreadable(&location, &error))? {
            let entry = entry.map_err(|error| unreadable(&location, &error))?;
            let location = entry.path();
            // The metadata of a link itself, not of its target.
            let metadata = entry.metadata().map_err(|error| unreadable(&location, &error))?;
            if metadata.is_file() {
                let path = joined(&folder, &entry.file_name(), &location)?;
                files.push(File { path, location, stamp: Stamp::from(&metadata) });
            } else if metadata.is_dir() {
                folders.push((joined(&folder, &entry.file_name(), &location)?, location));
            } else {
                watch(Event::Skipped(&location));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// The name of the file or folder `root`, which may be `.`.
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

fn joined(folders: &[String], name: &OsStr, location: &Path) -> anyhow::Result<Vec<String>> {
    let mut path = Vec::with_capacity(folders.len() + 1);
    path.extend_from_slice(folders);
    path.push(text(name, location)?);
    Ok(path)
}

/// Names are UTF-8 in a torrent (BEP 3).
fn text(name: &OsStr, location: &Path) -> anyhow::Result<String> {
    let text = name.to_str().map(str::to_owned);
    text.ok_or_else(|| refusal(format!("The name of {} is not UTF-8: rename it.", location.display())))
}

fn unreadable(location: &Path, error: &io::Error) -> anyhow::Error {
    refusal(format!(
        "{} cannot be read ({error}): see to it that it is there and yours to read.",
        location.display()
    ))
}
