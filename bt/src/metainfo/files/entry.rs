//! One file of `info`.

use super::MAX_FILES;
use crate::bencode::{Dict, Value};
use crate::metainfo::{BLOCK, Error};

/// Bytes of a file at most: beyond that libtorrent's counters of blocks overflow.
const MAX_FILE_SIZE: u64 = BLOCK * (i32::MAX as u64 / 2) - 1;
/// The most bytes that one path may have: more cannot be saved on Linux.
const MAX_PATH: usize = 4096;
/// The most parts that a path or a symbolic link's target may have: libtorrent 2.1 refuses a torrent with more.
const MAX_PARTS: usize = 100;
/// The most memory that all paths together may take. In a file tree a few bytes in a deep folder make a long path.
const MAX_PATHS: usize = 64 << 20;

/// One entry of a file list; it may be a pad file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::metainfo) struct Entry<'a> {
    /// Raw parts of the path; empty for a pad file without a path.
    pub(in crate::metainfo) path: Vec<&'a [u8]>,
    pub(in crate::metainfo) size: u64,
    pub(in crate::metainfo) pad: bool,
    /// The raw target of a symbolic link.
    pub(in crate::metainfo) symlink: Option<&'a [u8]>,
    /// The root of a version 2 file's merkle tree.
    pub(in crate::metainfo) root: Option<[u8; 32]>,
}

/// The keys of one file that are read.
#[derive(Default)]
pub(super) struct Attributes<'a> {
    pub(super) attr: Option<Value<'a>>,
    pub(super) length: Option<Value<'a>>,
    pub(super) path: Option<Value<'a>>,
    pub(super) path_utf8: Option<Value<'a>>,
    pub(super) pieces_root: Option<Value<'a>>,
    pub(super) symlink_path: Option<Value<'a>>,
}

impl<'a> Attributes<'a> {
    pub(super) fn read(file: Dict<'a>) -> Self {
        let mut attributes = Self::default();
        for entry in file {
            let field = match entry.key {
                b"attr" => &mut attributes.attr,
                b"length" => &mut attributes.length,
                b"path" => &mut attributes.path,
                b"path.utf-8" => &mut attributes.path_utf8,
                b"pieces root" => &mut attributes.pieces_root,
                b"symlink path" => &mut attributes.symlink_path,
                _ => continue,
            };
            *field = Some(entry.value);
        }
        attributes
    }

    /// Whether a flag of BEP 47 is set.
    pub(super) fn has(&self, flag: u8) -> bool {
        self.attr.and_then(Value::string).is_some_and(|flags| flags.contains(&flag))
    }

    /// The size in bytes: 0 for a symbolic link, whatever length it claims.
    pub(super) fn size(&self) -> Result<u64, Error> {
        if self.has(b'l') {
            return Ok(0);
        }
        let length = self.length.and_then(Value::int).ok_or(Error::FileSize)?;
        u64::try_from(length).ok().filter(|size| *size <= MAX_FILE_SIZE).ok_or(Error::FileSize)
    }

    /// The target of a symbolic link (BEP 47), as raw bencoding: a list of the parts of a path.
    pub(super) fn symlink(&self) -> Result<Option<&'a [u8]>, Error> {
        let Some(target) = self.symlink_path.filter(|_| self.has(b'l')) else { return Ok(None) };
        let parts = target.list().ok_or(Error::Path)?.map(|part| part.string().ok_or(Error::Path));
        let parts: Vec<&[u8]> = parts.collect::<Result<_, _>>()?;
        check_parts(&parts)?;
        Ok(Some(target.raw()))
    }
}

/// Refuses a path of more than [`MAX_PARTS`] parts.
fn check_parts(path: &[&[u8]]) -> Result<(), Error> {
    if path.len() > MAX_PARTS { Err(Error::DeepPath { limit: MAX_PARTS }) } else { Ok(()) }
}

/// What further paths may take up.
pub(super) struct Budget {
    /// Bytes of memory.
    bytes: usize,
    /// Files and pad files. More pad files than files have no use.
    entries: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_PATHS, entries: 2 * MAX_FILES }
    }
}

impl Budget {
    pub(super) fn spend(&mut self, path: &[&[u8]]) -> Result<(), Error> {
        check_parts(path)?;
        let bytes: usize = path.iter().map(|part| part.len() + 1).sum();
        let cost = bytes + size_of_val(path);
        self.bytes = self.bytes.checked_sub(cost).filter(|_| bytes <= MAX_PATH).ok_or(Error::LongPath)?;
        let too_many = Error::TooManyFiles { limit: MAX_FILES };
        self.entries = self.entries.checked_sub(1).ok_or(too_many)?;
        Ok(())
    }
}
