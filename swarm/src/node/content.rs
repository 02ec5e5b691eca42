//! The files in a client's downloads.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, bail};
use bt::InfoHash;

/// Tries to delete a folder, as a program may write into it once more after it removed the torrent.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// The folder of a torrent's content. Each torrent has one of its own, as names may be equal.
pub(super) fn folder(downloads: &Path, hash: &InfoHash) -> PathBuf {
    downloads.join(hash.to_string())
}

/// The folder of a hybrid torrent's pad files (BEP 47).
const PADS: &str = ".pad";

/// Copies a file; or, of a folder, the files with these paths and the pad files, which programs of version 1 alone expect.
/// Nothing else is copied: a device or pipe could be endless.
pub(super) fn copy(from: &Path, to: &Path, paths: &[String]) -> anyhow::Result<()> {
    if !from.is_dir() {
        return copy_file(from, to);
    }
    let pads = fs::read_dir(from.join(PADS)).into_iter().flatten().flatten();
    let pads = pads.filter(|entry| entry.file_type().is_ok_and(|it| it.is_file()));
    let pads = pads.map(|entry| Path::new(PADS).join(entry.file_name()));
    let mut paths = paths.iter().map(PathBuf::from).chain(pads);
    paths.try_for_each(|path| copy_file(&from.join(&path), &to.join(&path)))
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    if !fs::metadata(from).with_context(context)?.is_file() {
        bail!("{} is not a file any more", from.display());
    }
    fs::copy(from, to).map(drop).with_context(context)
}

/// Deletes a folder, if it exists.
pub(super) async fn delete(folder: &Path) -> anyhow::Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        match tokio::fs::remove_dir_all(folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if tries < TRIES => tokio::time::sleep(PAUSE).await,
            done => return done.with_context(|| format!("cannot delete {}", folder.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[tokio::test]
    async fn the_files_of_a_torrent_are_copied_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let from = place.path().join("from");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/file"), "content").unwrap();
        fs::write(from.join("came later"), "content").unwrap();
        fs::create_dir(from.join(".pad")).unwrap();
        fs::write(from.join(".pad/2"), "\0\0").unwrap();
        // Whoever opens it waits for a writer.
        mknodat(CWD, from.join("a/pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();

        let to = place.path().join("made/on/the/way");
        copy(&from, &to, &["a/b/file".to_owned()]).unwrap();
        assert_eq!(fs::read(to.join("a/b/file")).unwrap(), b"content");
        assert_eq!(fs::read(to.join(".pad/2")).unwrap(), b"\0\0");
        assert!(!to.join("a/pipe").exists() && !to.join("came later").exists());
        let error = copy(&from, &to, &["a/pipe".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("not a file"), "{error}");

        delete(&to).await.unwrap();
        assert!(!to.exists());
        delete(&to).await.expect("what is not there need not be deleted");
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let place = tempfile::tempdir().unwrap();
        let error = copy(&place.path().join("nothing"), &place.path().join("to"), &[]).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}
