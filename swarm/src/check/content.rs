//! Hashes of files, to compare the sources with a client's downloads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// SHA-256 of all files below a folder, by their paths in it.
pub(super) fn hashes(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, [u8; 32]>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let hash = hash(&path).with_context(|| format!("cannot read {}", path.display()))?;
                found.insert(path.strip_prefix(folder)?.to_owned(), hash);
            }
        }
    }
    Ok(found)
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut file = io::BufReader::with_capacity(1 << 20, File::open(path)?);
    io::copy(&mut file, &mut Writer(&mut hasher))?;
    Ok(hasher.finalize().into())
}

/// A writer into a hash.
struct Writer<'a>(&'a mut Sha256);

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
