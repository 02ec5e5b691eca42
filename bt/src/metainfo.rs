//! Metainfo, the content of a .torrent file: version 1 (BEP 3), version 2 and hybrid (BEP 52).
//!
//! An upload goes through [`Metainfo::parse`], then [`with_private`] over the raw `info`, then [`Hashes::of`] over the
//! result. [`write()`] makes the file for a download. The bytes of `info` are never encoded again.
//!
//! [`Info::parse`] reads an `info` that came from a peer (BEP 9), without the file around it.

mod clashes;
mod error;
mod files;
mod info;
mod layers;
mod name;
mod rewrite;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use files::MAX_FILES;
pub(crate) use files::{MAX_PIECE_LENGTH, MAX_PIECES, MAX_TOTAL_SIZE};
pub use info::Info;
pub(crate) use layers::{merkle_root, padding_hash, pair_hash};
pub use name::turns_text;
pub use rewrite::{with_private, write};

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::bencode::{self, Limits, Value};
use crate::{InfoHash, InfoHashV2};
use files::Content;

/// Bytes of a file that one leaf of its merkle tree covers (BEP 52).
pub(crate) const BLOCK: u64 = 16 * 1024;

/// Which of the two metadata formats `info` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Version 1 only (BEP 3).
    V1,
    /// Both, describing the same files (BEP 52).
    Hybrid,
    /// Version 2 only (BEP 52).
    V2,
}

/// The hashes that name a torrent: at least one is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hashes {
    /// SHA-1 of the raw `info`, for [`Kind::V1`] and [`Kind::Hybrid`].
    pub v1: Option<InfoHash>,
    /// SHA-256 of the raw `info`, for [`Kind::Hybrid`] and [`Kind::V2`].
    pub v2: Option<InfoHashV2>,
    canonical: InfoHash,
}

impl Hashes {
    /// Hashes the raw bytes of `info`.
    pub fn of(info: &[u8], kind: Kind) -> Self {
        let v1 = || InfoHash::from(<[u8; 20]>::from(Sha1::digest(info)));
        let v2 = || InfoHashV2::from(<[u8; 32]>::from(Sha256::digest(info)));
        match kind {
            Kind::V1 => {
                let v1 = v1();
                Self { v1: Some(v1), v2: None, canonical: v1 }
            }
            Kind::Hybrid => {
                let v1 = v1();
                Self { v1: Some(v1), v2: Some(v2()), canonical: v1 }
            }
            Kind::V2 => {
                let v2 = v2();
                Self { v1: None, v2: Some(v2), canonical: v2.truncated() }
            }
        }
    }

    /// The hash that names the torrent everywhere: version 1 if it has one, else truncated version 2.
    pub fn canonical(&self) -> InfoHash {
        self.canonical
    }
}

/// One file of the torrent. Pad files (BEP 47) are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below [`Metainfo::name`], parts joined with `/`; for a single-file torrent, its name. Safe to show and
    /// to save.
    pub path: String,
    /// In bytes; 0 for a symbolic link.
    pub size: u64,
}

/// The contents of a .torrent file, checked.
#[derive(Debug, Clone)]
pub struct Metainfo<'a> {
    /// The raw bytes of `info`, of which the hashes are made.
    pub info: &'a [u8],
    /// The raw dictionary `piece layers` (BEP 52), `None` for [`Kind::V1`].
    pub piece_layers: Option<&'a [u8]>,
    /// The name of the file or of the folder with the files, safe to show and to save.
    pub name: String,
    /// Length of a piece in bytes.
    pub piece_length: u64,
    /// Whether `private` is the integer 1 (BEP 27).
    pub private: bool,
    /// The files in the order of the torrent.
    pub files: Vec<File>,
    /// The sum of the files' sizes, without pad files, in bytes.
    pub size: u64,
    /// The metadata format.
    pub kind: Kind,
    /// The hashes of `info`.
    pub hashes: Hashes,
    /// The tracker's URL, as in the file.
    pub announce: Option<&'a [u8]>,
    /// Whether the file lists several trackers (BEP 12).
    pub has_announce_list: bool,
}

impl<'a> Metainfo<'a> {
    /// Reads a .torrent file and refuses what clients refuse. Bytes after its end are ignored.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let document = Document::read(bencode::first_value(bytes, limits)?)?;
        let keys = InfoKeys::read(document.info, limits)?;
        let content = Content::read(&keys)?;
        content.check_names()?;
        if let Some(tree) = &content.v2 {
            let layers = document.piece_layers.and_then(Value::dict);
            layers::check(tree, content.piece_length, layers)?;
        }
        clashes::check(content.entries())?;
        let piece_layers = document.piece_layers.filter(|_| content.v2.is_some()).map(Value::raw);
        let Info { raw, name, piece_length, private, files, size, kind, hashes } =
            Info::of(document.info.raw(), &keys, &content)?;
        Ok(Self {
            info: raw,
            piece_layers,
            name,
            piece_length,
            private,
            files,
            size,
            kind,
            hashes,
            announce: document.announce.and_then(Value::string),
            has_announce_list: document.has_announce_list,
        })
    }
}

/// The keys of the outer dictionary that are read.
struct Document<'a> {
    info: Value<'a>,
    piece_layers: Option<Value<'a>>,
    announce: Option<Value<'a>>,
    has_announce_list: bool,
}

impl<'a> Document<'a> {
    fn read(value: Value<'a>) -> Result<Self, Error> {
        let mut info = None;
        let mut piece_layers = None;
        let mut announce = None;
        let mut has_announce_list = false;
        for entry in value.dict().ok_or(Error::NotADictionary)? {
            match entry.key {
                b"info" => info = Some(entry.value),
                b"piece layers" => piece_layers = Some(entry.value).filter(|layers| layers.dict().is_some()),
                b"announce" => announce = Some(entry.value),
                b"announce-list" => has_announce_list = true,
                _ => {}
            }
        }
        let info = info.filter(|info| info.dict().is_some()).ok_or(Error::MissingInfo)?;
        Ok(Self { info, piece_layers, announce, has_announce_list })
    }
}

/// The keys of `info` that are read, their values not checked yet.
#[derive(Default)]
struct InfoKeys<'a> {
    attr: Option<Value<'a>>,
    file_tree: Option<Value<'a>>,
    files: Option<Value<'a>>,
    length: Option<Value<'a>>,
    meta_version: Option<Value<'a>>,
    name: Option<Value<'a>>,
    name_utf8: Option<Value<'a>>,
    piece_length: Option<Value<'a>>,
    pieces: Option<Value<'a>>,
    private: Option<Value<'a>>,
}

impl<'a> InfoKeys<'a> {
    fn read(value: Value<'a>, limits: &Limits) -> Result<Self, Error> {
        let mut info = Self::default();
        for entry in value.dict().ok_or(Error::MissingInfo)? {
            let field = match entry.key {
                b"attr" => &mut info.attr,
                b"file tree" => &mut info.file_tree,
                b"files" => &mut info.files,
                b"length" => &mut info.length,
                b"meta version" => &mut info.meta_version,
                b"name" => &mut info.name,
                b"name.utf-8" => &mut info.name_utf8,
                b"piece length" => &mut info.piece_length,
                b"pieces" => &mut info.pieces,
                b"private" => &mut info.private,
                _ => continue,
            };
            *field = Some(entry.value);
        }
        if info.meta_version.is_some() {
            // BEP 52 demands sorted keys. Many version 1 files have others.
            bencode::check_sorted(value.raw(), limits)?;
        }
        Ok(info)
    }
}
