//! A stamp by which a change of a file or folder is noticed.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files and folders in one source at most.
const MAX_ENTRIES: usize = 100_000;

/// A hash of paths, inodes, sizes and times, which differs after a file was added, removed, written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(u64);

impl Stamp {
    /// The stamp of all that is in `path`, or why it is no source.
    ///
    /// # Errors
    /// Also where something is removed meanwhile, or there are too many files.
    pub(super) fn of(path: &Path) -> io::Result<Result<Self, &'static str>> {
        let kind = fs::symlink_metadata(path)?.file_type();
        if kind.is_symlink() {
            return Ok(Err("it is a link"));
        }
        if !kind.is_file() && !kind.is_dir() {
            return Ok(Err("it is neither a file nor a folder"));
        }
        let mut files = Vec::new();
        let mut open = vec![path.to_owned()];
        let mut entries = 0;
        while let Some(path) = open.pop() {
            entries += 1;
            if entries > MAX_ENTRIES {
                return Err(io::Error::other("too many files"));
            }
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.is_dir() {
                for entry in fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            } else if metadata.is_file() {
                files.push((path, metadata));
            }
        }
        if files.iter().all(|(_, metadata)| metadata.len() == 0) {
            return Ok(Err("there is not a single byte in it"));
        }
        Ok(Ok(Self::of_files(files)))
    }

    /// The stamp of files in any order.
    fn of_files(mut files: Vec<(PathBuf, Metadata)>) -> Self {
        files.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut hasher = DefaultHasher::new();
        for (path, metadata) in files {
            path.hash(&mut hasher);
            (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}
