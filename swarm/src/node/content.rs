//! Files below a client's downloads.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::Context;
use bt::InfoHash;

/// A program may write into a folder once more after it was told to forget it.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Where the content of one torrent is. Each has a folder of its own: names need not differ.
pub(super) fn folder(downloads: &Path, hash: &InfoHash) -> PathBuf {
    downloads.join(hash.to_string())
}

/// Copies a file, or a folder with all files below it. Links are followed to files only.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let mut left = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = left.pop() {
        copy_one(&from, &to, &mut left)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

/// Copies a file, or makes a folder and adds what is in it to `left`.
fn copy_one(from: &Path, to: &Path, left: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if !(entry.file_type()?.is_symlink() && entry.path().is_dir()) {
            left.push((entry.path(), to.join(entry.file_name())));
        }
    }
    Ok(())
}

/// Deletes a folder, which need not be there.
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
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn a_folder_is_copied_with_all_below_it_and_deleted() {
        let place = tempfile::tempdir().unwrap();
        let from = place.path().join("from");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/file"), "content").unwrap();
        symlink("a/b/file", from.join("link")).unwrap();
        symlink("..", from.join("around")).unwrap();

        let to = place.path().join("made/on/the/way");
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("a/b/file")).unwrap(), b"content");
        assert_eq!(fs::read(to.join("link")).unwrap(), b"content");
        assert!(!to.join("around").exists(), "a link to a folder above would never end");

        delete(&to).await.unwrap();
        assert!(!to.exists());
        delete(&to).await.expect("what is not there need not be deleted");
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let place = tempfile::tempdir().unwrap();
        let error = copy(&place.path().join("nothing"), &place.path().join("to")).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}
