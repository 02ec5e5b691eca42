//! The files that `info` describes: the list of version 1, the tree of version 2, and whether the two agree.

mod entry;

pub(super) use entry::Entry;

use memchr::memmem;

use super::{BLOCK, Error, File, InfoKeys, Kind, name};
use crate::bencode::{Dict, Token, Tokens, Value};
use entry::{Attributes, Budget};

/// libtorrent's bound on the sum of all sizes, pad files included.
pub(crate) const MAX_TOTAL_SIZE: u64 = (1 << 48) - 1;
/// Files of a torrent, pad files not counted. Each is a row of the site's database and an entry in every client's list.
pub const MAX_FILES: usize = 100_000;
/// libtorrent's bound on the length of a piece: it counts the blocks in 15 bits.
pub(crate) const MAX_PIECE_LENGTH: u64 = BLOCK * 0x7fff;
/// libtorrent's bound on the number of pieces.
pub(crate) const MAX_PIECES: u64 = 0x20_0000;

/// The files that `info` describes, checked.
pub(super) struct Content<'a> {
    name: &'a [u8],
    pub(super) piece_length: u64,
    pub(super) v1: Option<Vec<Entry<'a>>>,
    pub(super) v2: Option<Vec<Entry<'a>>>,
}

impl<'a> Content<'a> {
    pub(super) fn read(info: &InfoKeys<'a>) -> Result<Self, Error> {
        let version2 = match info.meta_version.map(Value::int) {
            None | Some(Some(1)) if info.file_tree.is_none() => false,
            Some(Some(2)) => true,
            _ => return Err(Error::Version),
        };
        let piece_length = piece_length(info, version2)?;
        let name = name(info)?;
        let v2 = version2.then(|| tree(info)).transpose()?;
        let has_v1 = !version2 || info.files.is_some() || info.length.is_some() || info.pieces.is_some();
        let v1 = has_v1.then(|| list(info, name)).transpose()?;
        // `length` describes a single file, so the tree must hold nothing beside it, not even an empty folder.
        let single_tree = || info.file_tree.and_then(Value::dict).map(Iterator::count) == Some(1);
        if version2 && info.length.is_some() && !single_tree() {
            return Err(Error::HybridMismatch);
        }
        let content = Self { name, piece_length, v1, v2 };
        content.check_pieces(info)?;
        content.check_hybrid()?;
        Ok(content)
    }

    pub(super) fn kind(&self) -> Kind {
        match (&self.v1, &self.v2) {
            (Some(_), Some(_)) => Kind::Hybrid,
            (None, Some(_)) => Kind::V2,
            (_, None) => Kind::V1,
        }
    }

    /// The safe form of the name; `_` if nothing of it is left.
    pub(super) fn name(&self) -> String {
        if name::is_blank(self.name) { "_".into() } else { name::part(self.name) }
    }

    /// Refuses names that lead out of their folder on some system, and a name that cannot be seen.
    pub(super) fn check_names(&self) -> Result<(), Error> {
        let inside = |parts: &[&[u8]]| {
            let climbs = parts.iter().any(|part| name::climbs(part));
            if climbs { Err(Error::ParentPath { path: name::shown(parts) }) } else { Ok(()) }
        };
        inside(&[self.name])?;
        if name::is_blank(self.name) {
            return Err(Error::MissingName);
        }
        for entry in self.v1.iter().chain(&self.v2).flatten() {
            if let Some(target) = entry.symlink.and_then(|target| Value::of_checked(target).list()) {
                inside(&target.filter_map(Value::string).collect::<Vec<_>>())?;
            }
        }
        self.entries().iter().filter(|entry| !entry.pad).try_for_each(|entry| inside(&entry.path))
    }

    /// The torrent's entries. The two lists of a hybrid describe the same files.
    pub(super) fn entries(&self) -> &[Entry<'a>] {
        self.v2.as_deref().or(self.v1.as_deref()).unwrap_or_default()
    }

    /// The entries without pad files, under safe names.
    pub(super) fn files(&self) -> Result<Vec<File>, Error> {
        let entries = self.entries().iter().filter(|entry| !entry.pad);
        if entries.clone().count() > MAX_FILES {
            return Err(Error::TooManyFiles { limit: MAX_FILES });
        }
        Ok(entries.map(|entry| File { path: name::path(&entry.path), size: entry.size }).collect())
    }

    /// Checks that the sizes fit the number of pieces.
    fn check_pieces(&self, info: &InfoKeys<'a>) -> Result<(), Error> {
        if let Some(entries) = &self.v2 {
            // Each file begins with a new piece.
            let sizes = entries.iter().map(|entry| entry.size.next_multiple_of(self.piece_length));
            piece_count(sizes, self.piece_length)?;
        }
        let Some(entries) = &self.v1 else { return Ok(()) };
        let expected = piece_count(entries.iter().map(|entry| entry.size), self.piece_length)? * 20;
        let found = info.pieces.and_then(Value::string).ok_or(Error::MissingPieces)?.len() as u64;
        if found == expected { Ok(()) } else { Err(Error::PieceCount { found, expected }) }
    }

    /// Checks that both lists of a hybrid have the same files at the same offsets.
    fn check_hybrid(&self) -> Result<(), Error> {
        let (Some(v1), Some(v2)) = (&self.v1, &self.v2) else { return Ok(()) };
        let mut v1 = v1.iter();
        let mut offset = 0;
        for expected in v2 {
            let gap = self.gap(offset, expected);
            let mut found = v1.next();
            if gap > 0 && found.is_some_and(|entry| entry.pad && entry.size == gap) {
                offset += gap;
                found = v1.next();
            }
            let found = found.ok_or(Error::HybridMismatch)?;
            let same = found.path == expected.path
                && found.size == expected.size
                && found.symlink == expected.symlink
                && !found.pad
                && self.gap(offset, expected) == 0;
            if !same {
                return Err(Error::HybridMismatch);
            }
            offset += expected.size;
        }
        // The last file may be padded as well.
        let gap = offset.next_multiple_of(self.piece_length) - offset;
        let tail = v1.next().is_none_or(|entry| entry.pad && gap > 0 && entry.size == gap);
        if tail && v1.next().is_none() { Ok(()) } else { Err(Error::HybridMismatch) }
    }

    /// The bytes of padding at `offset` before a file may begin.
    fn gap(&self, offset: u64, file: &Entry<'_>) -> u64 {
        if file.size == 0 { 0 } else { offset.next_multiple_of(self.piece_length) - offset }
    }
}

/// The raw name. Old clients wrote `name` in their own character set, and `name.utf-8` beside it.
fn name<'a>(info: &InfoKeys<'a>) -> Result<&'a [u8], Error> {
    let utf8 = info.name_utf8.and_then(Value::string);
    utf8.or_else(|| info.name.and_then(Value::string)).ok_or(Error::MissingName)
}

fn piece_length(info: &InfoKeys<'_>, version2: bool) -> Result<u64, Error> {
    let stated = info.piece_length.and_then(Value::int).ok_or(Error::MissingPieceLength)?;
    u64::try_from(stated)
        .ok()
        .filter(|length| (1..=MAX_PIECE_LENGTH).contains(length))
        .filter(|length| !version2 || (*length >= BLOCK && length.is_power_of_two()))
        .ok_or(Error::PieceLength { length: stated })
}

/// The number of pieces that files of these sizes fill, one after the other.
fn piece_count(sizes: impl Iterator<Item = u64>, piece_length: u64) -> Result<u64, Error> {
    let total = sizes
        .into_iter()
        .try_fold(0_u64, u64::checked_add)
        .filter(|total| *total <= MAX_TOTAL_SIZE)
        .ok_or(Error::FileSize)?;
    let pieces = total.div_ceil(piece_length);
    if pieces > MAX_PIECES { Err(Error::TooManyPieces { limit: MAX_PIECES }) } else { Ok(pieces) }
}

/// The files of version 1: `length` for one, `files` for several (BEP 3).
fn list<'a>(info: &InfoKeys<'a>, name: &'a [u8]) -> Result<Vec<Entry<'a>>, Error> {
    let (files, length) = match (info.files, info.length) {
        (Some(_), Some(_)) => return Err(Error::TwoLayouts),
        (None, None) => return Err(Error::NoFiles),
        other => other,
    };
    let mut entries = Vec::new();
    if let Some(files) = files {
        let mut budget = Budget::default();
        for file in files.list().ok_or(Error::FileList)? {
            let entry = listed(&Attributes::read(file.dict().ok_or(Error::FileList)?))?;
            budget.spend(&entry.path)?;
            entries.push(entry);
        }
    } else {
        let single = Attributes { length, attr: info.attr, ..Attributes::default() };
        let (size, pad) = (single.size()?, single.has(b'p'));
        entries.push(Entry { path: vec![name], size, pad, symlink: None, root: None });
    }
    if is_bitcomet_pad(name) {
        for entry in &mut entries {
            entry.pad = true;
        }
    }
    if entries.is_empty() { Err(Error::NoFiles) } else { Ok(entries) }
}

fn listed<'a>(attributes: &Attributes<'a>) -> Result<Entry<'a>, Error> {
    let path: Vec<&[u8]> = attributes
        .path_utf8
        .filter(|path| path.list().is_some())
        .or(attributes.path)
        .map(|path| path.list().ok_or(Error::Path)?.map(|part| part.string().ok_or(Error::Path)).collect())
        .transpose()?
        .unwrap_or_default();
    let pad = attributes.has(b'p') || path.iter().any(|part| is_bitcomet_pad(part));
    if path.is_empty() && !pad {
        return Err(Error::Path);
    }
    Ok(Entry { size: attributes.size()?, symlink: attributes.symlink()?, path, pad, root: None })
}

/// `BitComet` marks pad files by this name, which clients look for anywhere in the path.
fn is_bitcomet_pad(part: &[u8]) -> bool {
    memmem::find(part, b"_____padding_file_").is_some()
}

/// The files of version 2, depth first, in the order of `file tree` (BEP 52). Does not recurse.
fn tree<'a>(info: &InfoKeys<'a>) -> Result<Vec<Entry<'a>>, Error> {
    let mut tokens = Tokens::new(info.file_tree.ok_or(Error::FileList)?.raw());
    if tokens.next()? != Token::Dict {
        return Err(Error::FileList);
    }
    let mut entries = Vec::new();
    let mut path: Vec<&[u8]> = Vec::new();
    let mut budget = Budget::default();
    loop {
        match tokens.next()? {
            Token::String(part) if !part.is_empty() => {
                path.push(part);
                let Some(file) = enter(&mut tokens)? else { continue };
                budget.spend(&path)?;
                entries.push(leaf(&path, &Attributes::read(file))?);
                path.pop();
            }
            // Back to the folder above. Above the first one the tree ends.
            Token::End => {
                if path.pop().is_none() {
                    break;
                }
            }
            _ => return Err(Error::FileList),
        }
    }
    if entries.is_empty() { Err(Error::NoFiles) } else { Ok(entries) }
}

/// Steps over a file, which it returns, or into a folder, up to its first name.
fn enter<'a>(tokens: &mut Tokens<'a>) -> Result<Option<Dict<'a>>, Error> {
    if tokens.next()? != Token::Dict {
        return Err(Error::FileList);
    }
    let mut ahead = tokens.clone();
    if ahead.next()? != Token::String(b"") {
        return Ok(None);
    }
    let file = ahead.value().and_then(|raw| Value::of_checked(raw).dict()).ok_or(Error::FileList)?;
    if ahead.next()? != Token::End {
        return Err(Error::FileList);
    }
    *tokens = ahead;
    Ok(Some(file))
}

fn leaf<'a>(path: &[&'a [u8]], attributes: &Attributes<'a>) -> Result<Entry<'a>, Error> {
    if attributes.has(b'p') {
        return Err(Error::PadFile);
    }
    let size = attributes.size()?;
    let symlink = attributes.symlink()?;
    let root = match attributes.pieces_root {
        Some(root) => {
            let root: [u8; 32] =
                root.string().and_then(|root| root.try_into().ok()).ok_or(Error::MissingRoot)?;
            Some(root).filter(|root| *root != [0; 32])
        }
        None => None,
    };
    if size > 0 && root.is_none() {
        return Err(Error::MissingRoot);
    }
    Ok(Entry { path: path.to_vec(), size, pad: false, symlink, root })
}
