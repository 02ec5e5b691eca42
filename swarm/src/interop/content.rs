//! What a cell shares: random bytes, so that every cell has a torrent of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bt::metainfo::Kind as Format;
use sha2::{Digest as _, Sha256};

use crate::create::{self, Options};

/// Small, so that there are many pieces.
const PIECE: u64 = 16 << 10;

/// In the order of their paths; no piece ends where one of them does.
const FILES: [(&str, u64); 3] = [("first.bin", 700_003), ("more/second.bin", 300_001), ("more/third", 7)];

/// Files, what they hash to, and their torrent.
pub(super) struct Content {
    /// The file or folder.
    pub(super) path: PathBuf,
    /// In bytes.
    pub(super) size: u64,
    pub(super) metainfo: Vec<u8>,
    /// By path below the folder that [`Content::path`] is in.
    hashes: BTreeMap<PathBuf, [u8; 32]>,
}

impl Content {
    /// Makes `name` below `folder`: a folder with files that share pieces, where the format has them do so.
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
        // Without the private flag, which the site adds.
        let options =
            Options { kind: format, piece_length: Some(PIECE), private: false, ..Options::default() };
        let metainfo = create::create(&path, &options, &|_| {}).context("cannot make a torrent")?;
        let size = FILES.iter().map(|(_, size)| size).sum();
        Ok(Self { path, size, metainfo, hashes })
    }

    /// Writes the pad files of a hybrid torrent, all zeros: to a program that knows version 1 alone they are files like
    /// others, which it has fetched where it seeds what it has fetched.
    pub(super) fn pad(&self) -> anyhow::Result<()> {
        let folder = self.path.join(".pad");
        fs::create_dir(&folder)?;
        // None after the last one.
        for (_, size) in &FILES[..FILES.len() - 1] {
            let lacking = size.next_multiple_of(PIECE) - size;
            fs::write(folder.join(lacking.to_string()), vec![0; usize::try_from(lacking)?])?;
        }
        Ok(())
    }

    /// What is different in `downloads`, in words.
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
