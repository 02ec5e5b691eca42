//! The `info` dictionary alone, as peers send it (BEP 9).

use super::files::Content;
use super::{Error, File, Hashes, InfoKeys, Kind};
use crate::bencode::{self, Limits, Value};

/// What an `info` dictionary says.
#[derive(Debug, Clone)]
pub struct Info<'a> {
    /// Its raw bytes, of which the hashes are made.
    pub raw: &'a [u8],
    /// The name of the file or of the folder with the files, safe to show and to save.
    pub name: String,
    /// Length of a piece in bytes.
    pub piece_length: u64,
    /// Whether `private` is the integer 1 (BEP 27).
    pub private: bool,
    /// The files in the order of the torrent, without pad files.
    pub files: Vec<File>,
    /// The sum of the files' sizes, without pad files, in bytes.
    pub size: u64,
    /// The metadata format.
    pub kind: Kind,
    /// The hashes: both for a hybrid.
    pub hashes: Hashes,
}

impl<'a> Info<'a> {
    /// Reads an `info` whose hash is known to be right, so that nobody can mend it.
    ///
    /// What [`Metainfo::parse`](super::Metainfo::parse) refuses is refused, with two exceptions. Names are repaired
    /// instead (BEP 52): bytes that are not UTF-8, NUL, separators, `..` and empty parts give `_` or U+FFFD in their
    /// place. Piece layers, which lie outside `info`, and clashes of paths, which concern whoever saves the files, are
    /// not looked at. Bytes after the dictionary are refused: the hash is over them, too.
    pub fn parse(raw: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        bencode::check(raw, limits)?;
        let keys = InfoKeys::read(Value::of_checked(raw), limits)?;
        Self::of(raw, &keys, &Content::read(&keys)?)
    }

    pub(super) fn of(raw: &'a [u8], keys: &InfoKeys<'_>, content: &Content<'_>) -> Result<Self, Error> {
        let files = content.files()?;
        let size = files.iter().map(|file| file.size).sum();
        if size == 0 {
            return Err(Error::NoContent);
        }
        let kind = content.kind();
        Ok(Self {
            raw,
            name: content.name(),
            piece_length: content.piece_length,
            private: keys.private.is_some_and(|private| private.int() == Some(1)),
            files,
            size,
            kind,
            hashes: Hashes::of(raw, kind),
        })
    }
}
