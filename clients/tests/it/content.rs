//! Files and their torrents, of version 1.

use std::fs;
use std::path::{Path, PathBuf};

use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use sha1::{Digest as _, Sha1};

const PIECE: usize = 16 << 10;

/// Nobody listens there. rtorrent refuses torrents without a tracker.
const TRACKER: &str = "http://127.0.0.1:9/announce";

/// A file or folder below a folder, and its torrent.
pub(crate) struct Content {
    pub(crate) metainfo: Vec<u8>,
    pub(crate) info_hash: InfoHash,
    /// The file or folder.
    pub(crate) path: PathBuf,
}

impl Content {
    /// A file of 40,000 bytes.
    pub(crate) fn file(folder: &Path, name: &str) -> Self {
        let bytes = bytes(40_000);
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join(name), &bytes).expect("a file");
        Self::of(folder.join(name), name, "6:lengthi40000e", &bytes)
    }

    /// A folder with two files, one of them in a folder of its own.
    pub(crate) fn folder(folder: &Path, name: &str) -> Self {
        let bytes = bytes(50_000);
        let path = folder.join(name);
        fs::create_dir_all(path.join("inner")).expect("a folder");
        fs::write(path.join("first"), &bytes[..20_000]).expect("a file");
        fs::write(path.join("inner/second"), &bytes[20_000..]).expect("a file");
        let files = "5:filesld6:lengthi20000e4:pathl5:firsteed6:lengthi30000e4:pathl5:inner6:secondeee";
        Self::of(path, name, files, &bytes)
    }

    /// A torrent of so many pieces whose content is nowhere.
    pub(crate) fn nowhere(folder: &Path, name: &str, pieces: usize) -> Self {
        let length = format!("6:lengthi{}e", pieces * PIECE);
        Self::with_pieces(folder.join(name), name, &length, &vec![7; 20 * pieces])
    }

    fn of(path: PathBuf, name: &str, files: &str, bytes: &[u8]) -> Self {
        let pieces: Vec<u8> = bytes.chunks(PIECE).flat_map(|piece| Sha1::digest(piece).to_vec()).collect();
        Self::with_pieces(path, name, files, &pieces)
    }

    fn with_pieces(path: PathBuf, name: &str, files: &str, pieces: &[u8]) -> Self {
        let tracker = format!("8:announce{}:{TRACKER}", TRACKER.len());
        let head = format!("d{tracker}4:infod{files}4:name{}:{name}12:piece lengthi{PIECE}e", name.len());
        let mut metainfo = format!("{head}6:pieces{}:", pieces.len()).into_bytes();
        metainfo.extend_from_slice(pieces);
        metainfo.extend_from_slice(b"7:privatei1eee");
        let info_hash = Metainfo::parse(&metainfo, &Limits::default()).expect("a torrent").hashes.canonical();
        Self { metainfo, info_hash, path }
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 251).expect("a byte")).collect()
}

/// A path as clients are told it.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
