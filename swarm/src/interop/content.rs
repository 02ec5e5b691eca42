//! The content of a trial: random bytes, so that every trial has a torrent of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bt::metainfo::Kind as Format;
use sha2::{Digest as _, Sha256};

use crate::create::{self, Options};

/// Bytes of a piece: few, so that there are many pieces.
const PIECE: u64 = 16 << 10;

/// Files with their sizes, in the order of their paths. No file ends with a piece.
const FILES: [(&str, u64); 3] = [("first.bin", 700_003), ("more/second.bin", 300_001), ("more/third", 7)];

/// Files, their hashes and their torrent.
pub(super) struct Content {
    /// The file or folder.
    pub(super) path: PathBuf,
    /// Bytes of all files.
    pub(super) size: u64,
    pub(super) metainfo: Vec<u8>,
    /// SHA-256 by path below the folder of [`Content::path`].
    hashes: BTreeMap<PathBuf, [u8; 32]>,
}

impl Content {
    /// Makes the folder `name` below `folder`. In version 1 its files share pieces.
    pub(super) fn make(folder: &Path, name: &str, format: Format) -> anyhow::Result<Self> {
        let mut random = fastrand::Rng::new();
        let mut hashes = BTreeMap::new();
        for (below, size) in FILES {
            let path = Path::new(name).join(below);
            let mut bytes = vec![0; usize::try_from(size)?];
            random.fill(&mut bytes);
            let place = folder.join(&path);
            fs::create_dir_all(place.parent().unwrap_or(folder))?;
            fs::File::create_new(&place)?.write_all(&bytes)?;
            hashes.insert(path, Sha256::digest(&bytes).into());
        }
        let path = folder.join(name);
        // The site adds the private flag.
        let options =
            Options { kind: format, piece_length: Some(PIECE), private: false, ..Options::default() };
        let metainfo = create::create(&path, &options, &|_| {}).context("cannot make a torrent")?;
        let size = FILES.iter().map(|(_, size)| size).sum();
        Ok(Self { path, size, metainfo, hashes })
    }

    /// Writes the pad files of a hybrid torrent, all zeros. A program that knows version 1 alone takes them for ordinary files
    /// and cannot seed without them.
    pub(super) fn pad(&self) -> anyhow::Result<()> {
        let folder = self.path.join(".pad");
        fs::create_dir(&folder)?;
        // The last file has no pad file.
        for (_, size) in &FILES[..FILES.len() - 1] {
            let lacking = size.next_multiple_of(PIECE) - size;
            fs::write(folder.join(lacking.to_string()), vec![0; usize::try_from(lacking)?])?;
        }
        Ok(())
    }

    /// The differences of `downloads` from the content, in words.
    pub(super) fn compare(&self, downloads: &Path) -> anyhow::Result<Vec<String>> {
        let mut differences = Vec::new();
        for (path, hash) in &self.hashes {
            let place = downloads.join(path);
            let bytes = fs::read(&place).with_context(|| format!("cannot read {}", place.display()))?;
            if Sha256::digest(&bytes)[..] != hash[..] {
                differences.push(format!("{} has other bytes", path.display()));
            }
        }
        Ok(differences)
    }
}
