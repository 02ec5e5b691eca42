//! Makes torrents from files: the layout of pieces (BEP 3, BEP 52, pad files of BEP 47), their hashes, and the
//! metainfo.
//!
//! [`Layout`] says which bytes each piece has. The caller reads them, in any order and on any number of threads, into
//! one [`PieceHasher`] for each piece, and passes all hashes to [`Layout::metainfo`].

mod hash;
mod info;
mod names;
#[cfg(test)]
mod tests;

pub use hash::{PieceHasher, PieceHashes};

use crate::metainfo::{self, BLOCK, Kind, MAX_PIECE_LENGTH, MAX_PIECES, MAX_TOTAL_SIZE, Metainfo};

/// Pieces of a torrent at most, as long as the piece length is below [`LARGEST_CHOICE`].
const MANY_PIECES: u64 = 2048;
/// The largest piece length that is chosen, in bytes: a leecher can pass on whole pieces only.
const LARGEST_CHOICE: u64 = 16 << 20;

/// Why no torrent can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Version 2 does not allow the piece length, or clients do not take it.
    #[error("The piece length {length} is not allowed; choose a power of two from 16 KiB to 256 MiB.")]
    PieceLength {
        /// In bytes.
        length: u64,
    },
    /// Clients would change the name when they save it, and so could not seed from the files as they are.
    #[error(
        "The name “{path}” holds characters that programs replace when they save it, or is too long; rename it."
    )]
    Name {
        /// The path, parts joined with `/`.
        path: String,
    },
    /// A path is repeated, or is both a file and a folder.
    #[error("The path “{path}” stands for two files; rename one of them.")]
    Twice {
        /// The path, parts joined with `/`.
        path: String,
    },
    /// In version 2 the torrent would mean the file alone.
    #[error(
        "In version 2 the folder “{name}” with the only file “{name}” cannot be told from the file itself; rename the folder or make the torrent hybrid."
    )]
    FolderLikeFile {
        /// Name of the folder and of the file.
        name: String,
    },
    /// A folder has the name under which programs that do not know pad files save them.
    #[error(
        "There is a folder “.pad”, where some programs save pad files; remove it, or choose version 1 or 2."
    )]
    PadFolder,
    /// [`Metainfo::parse`] would refuse the torrent.
    #[error(transparent)]
    Metainfo(#[from] metainfo::Error),
}

/// One file to share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path below the torrent's folder.
    pub path: Vec<String>,
    /// In bytes.
    pub size: u64,
}

/// What to share under the torrent's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// One file, of this size in bytes.
    File(u64),
    /// A folder with these files, in any order.
    Folder(Vec<Source>),
}

/// The kind of torrent to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The metadata format.
    pub kind: Kind,
    /// In bytes; `None` chooses it by [`piece_length`].
    pub piece_length: Option<u64>,
    /// Whether clients get peers from the tracker only (BEP 27).
    pub private: bool,
}

/// Consecutive bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index into [`Layout::files`].
    pub file: usize,
    /// Where they begin in the file, in bytes.
    pub offset: u64,
    /// The number of bytes, at least 1.
    pub length: u64,
}

/// The files of a torrent and where each begins in it.
#[derive(Debug, Clone)]
pub struct Layout {
    name: String,
    options: Options,
    piece_length: u64,
    /// Sorted by the raw parts of their paths, as BEP 52 demands. A single file has its name as its path.
    files: Vec<Source>,
    /// Where each file begins, in bytes from the beginning of the torrent, pad files counted.
    starts: Vec<u64>,
    single: bool,
    pieces: usize,
}

/// The piece length for `size` bytes: the smallest power of two that makes at most 2048 pieces, from 16 KiB to 16 MiB.
///
/// With fewer pieces, leechers would wait longer until they have one to pass on; more make the .torrent file large and
/// clients busy.
pub fn piece_length(size: u64) -> u64 {
    size.div_ceil(MANY_PIECES).next_power_of_two().clamp(BLOCK, LARGEST_CHOICE)
}

impl Layout {
    /// Lays out `content`. [`Metainfo::parse`] accepts the torrent that is made of it, with the same paths.
    pub fn new(name: &str, content: Content, options: Options) -> Result<Self, Error> {
        let single = matches!(content, Content::File(_));
        let mut files = match content {
            Content::File(size) => vec![Source { path: vec![name.to_owned()], size }],
            Content::Folder(files) => files,
        };
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let size = total(&files)?;
        let piece_length = match options.piece_length {
            None => piece_length(size),
            Some(length) if length.is_power_of_two() && (BLOCK..=MAX_PIECE_LENGTH).contains(&length) => {
                length
            }
            Some(length) => return Err(Error::PieceLength { length }),
        };
        let (starts, end) = lay_out(&files, piece_length, options.kind);
        let pieces = usize::try_from(end.div_ceil(piece_length).min(MAX_PIECES + 1)).unwrap_or(usize::MAX);
        if pieces as u64 > MAX_PIECES {
            return Err(metainfo::Error::TooManyPieces { limit: MAX_PIECES }.into());
        }
        let layout = Self { name: name.to_owned(), options, piece_length, files, starts, single, pieces };
        names::check(&layout)?;
        layout.try_out()?;
        Ok(layout)
    }

    /// The piece length in bytes, a power of two.
    pub fn piece_length(&self) -> u64 {
        self.piece_length
    }

    /// The number of pieces to hash.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The files in the order of the torrent.
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    /// The bytes of a piece, to be given to its [`PieceHasher`] in this order. Empty beyond [`Layout::pieces`].
    pub fn spans(&self, piece: usize) -> impl Iterator<Item = Span> + '_ {
        let from = piece as u64 * self.piece_length;
        let to = from + self.piece_length;
        // Of the files that begin at or before `from`, only the last can reach into the piece.
        let first = self.starts.partition_point(|start| *start <= from).saturating_sub(1);
        (first..self.files.len()).take_while(move |file| self.starts[*file] < to).filter_map(move |file| {
            let start = self.starts[file];
            let end = to.min(start + self.files[file].size);
            let begin = from.max(start);
            (begin < end).then(|| Span { file, offset: begin - start, length: end - begin })
        })
    }

    /// The hasher for the bytes that [`Layout::spans`] gives for the piece.
    pub fn hasher(&self, piece: usize) -> PieceHasher {
        let mut held = 0;
        let mut width = 1;
        for span in self.spans(piece) {
            held += span.length;
            width = self.files[span.file].size.min(self.piece_length).div_ceil(BLOCK).next_power_of_two();
        }
        // A pad file follows each file but the last.
        let padding = if piece + 1 < self.pieces { self.piece_length - held } else { 0 };
        PieceHasher::new(self.options.kind, padding, width)
    }

    /// The .torrent file, from the hashes of all pieces in order. An empty `announce` or `comment` is left out.
    pub fn metainfo(&self, hashes: &[PieceHashes], announce: &str, comment: &str) -> Vec<u8> {
        let (info, piece_layers) = info::write(self, hashes);
        metainfo::write(&info, piece_layers.as_deref(), announce, comment)
    }

    fn has_v2(&self) -> bool {
        self.options.kind != Kind::V1
    }

    /// Makes the torrent with made-up hashes and reads it, so that it is refused before its files are hashed for hours.
    fn try_out(&self) -> Result<(), Error> {
        let torrent = self.metainfo(&vec![PieceHashes::UNKNOWN; self.pieces], "", "");
        let parsed = Metainfo::parse(&torrent, &crate::bencode::Limits::default())?;
        if parsed.name != self.name {
            return Err(Error::Name { path: self.name.clone() });
        }
        let mut found = parsed.files.iter();
        let changed = self.files.iter().find(|file| {
            found.next().is_none_or(|found| found.size != file.size || !found.path.split('/').eq(&file.path))
        });
        changed.map_or(Ok(()), |file| Err(Error::Name { path: file.path.join("/") }))
    }
}

/// The sum of all sizes, in bytes.
fn total(files: &[Source]) -> Result<u64, Error> {
    let total = files.iter().try_fold(0_u64, |total, file| total.checked_add(file.size));
    total.filter(|total| *total <= MAX_TOTAL_SIZE).ok_or(Error::Metainfo(metainfo::Error::FileSize))
}

/// Where each file begins, and where the last one ends. In version 2 a file that is not empty begins a new piece.
fn lay_out(files: &[Source], piece_length: u64, kind: Kind) -> (Vec<u64>, u64) {
    let mut end = 0_u64;
    let starts = files
        .iter()
        .map(|file| {
            if kind != Kind::V1 && file.size > 0 {
                end = end.next_multiple_of(piece_length);
            }
            let start = end;
            end += file.size;
            start
        })
        .collect();
    (starts, end)
}
