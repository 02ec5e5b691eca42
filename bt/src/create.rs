//! Torrents made from files: where the pieces lie (BEP 3, BEP 52, pad files of BEP 47), their hashes, the metainfo.
//!
//! [`Layout`] says which bytes each piece holds. The caller reads them, in any order and on any number of threads,
//! into one [`PieceHasher`] for each piece, and gives all hashes to [`Layout::metainfo`].

mod hash;
mod info;
mod names;
#[cfg(test)]
mod tests;

pub use hash::{PieceHasher, PieceHashes};

use crate::metainfo::{self, BLOCK, Kind, MAX_PIECE_LENGTH, MAX_PIECES, MAX_TOTAL_SIZE, Metainfo};

/// Beyond this many pieces the next larger piece length is taken, up to [`LARGEST_CHOICE`].
const MANY_PIECES: u64 = 2048;
/// The largest piece length that is chosen: a piece is the smallest thing that a leecher can pass on.
const LARGEST_CHOICE: u64 = 16 << 20;

/// Why no torrent is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A piece length that version 2 does not allow, or clients do not take.
    #[error("The piece length {length} is not allowed; choose a power of two from 16 KiB to 256 MiB.")]
    PieceLength {
        /// In bytes.
        length: u64,
    },
    /// A name that clients would change when they save, so that they could not seed from the files as they are.
    #[error(
        "The name “{path}” holds characters that programs replace when they save it, or is too long; rename it."
    )]
    Name {
        /// The path, parts joined with `/`.
        path: String,
    },
    /// One path twice, or once as a file and once as a folder.
    #[error("The path “{path}” stands for two files; rename one of them.")]
    Twice {
        /// The path, parts joined with `/`.
        path: String,
    },
    /// A version 2 torrent that would read as one of the file alone.
    #[error(
        "In version 2 the folder “{name}” with the only file “{name}” cannot be told from the file itself; rename the folder or make the torrent hybrid."
    )]
    FolderLikeFile {
        /// Of the folder and of the file.
        name: String,
    },
    /// A folder where programs that do not know pad files would save them.
    #[error(
        "There is a folder “.pad”, where some programs save pad files; remove it, or choose version 1 or 2."
    )]
    PadFolder,
    /// What [`Metainfo::parse`] would refuse in the torrent.
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

/// What to share, under the torrent's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// One file, of this size in bytes.
    File(u64),
    /// A folder with these files, in any order.
    Folder(Vec<Source>),
}

/// What kind of torrent to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Which metadata format.
    pub kind: Kind,
    /// In bytes; `None` for [`piece_length`].
    pub piece_length: Option<u64>,
    /// Whether clients may learn of peers from the tracker only (BEP 27).
    pub private: bool,
}

/// Consecutive bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index into [`Layout::files`].
    pub file: usize,
    /// Where in the file they begin, in bytes.
    pub offset: u64,
    /// How many bytes, at least one.
    pub length: u64,
}

/// Where the files lie in the torrent.
#[derive(Debug, Clone)]
pub struct Layout {
    name: String,
    options: Options,
    piece_length: u64,
    /// Sorted by raw parts of the path, as BEP 52 demands; of a single file, the file with its name as path.
    files: Vec<Source>,
    /// Where each file begins, in bytes from the beginning of the torrent, pad files counted.
    starts: Vec<u64>,
    single: bool,
    pieces: usize,
}

/// The piece length for `size` bytes: the smallest power of two from 16 KiB that makes at most 2048 pieces of them (so
/// that there are more than 1024 of them from 32 MiB on), but no more than 16 MiB.
///
/// Fewer pieces would make leechers wait longer for what they can pass on; more make the torrent large and clients busy.
pub fn piece_length(size: u64) -> u64 {
    size.div_ceil(MANY_PIECES).next_power_of_two().clamp(BLOCK, LARGEST_CHOICE)
}

impl Layout {
    /// Lays out `content`. What is accepted here makes a torrent that [`Metainfo::parse`] accepts, with the same paths.
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

    /// In bytes, a power of two.
    pub fn piece_length(&self) -> u64 {
        self.piece_length
    }

    /// How many pieces are to be hashed.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// In the order of the torrent.
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    /// What a piece holds, to be given to its [`PieceHasher`] in this order. Nothing beyond [`Layout::pieces`].
    pub fn spans(&self, piece: usize) -> impl Iterator<Item = Span> + '_ {
        let from = piece as u64 * self.piece_length;
        let to = from + self.piece_length;
        // Of the files that begin up to there only the last can reach into the piece.
        let first = self.starts.partition_point(|start| *start <= from).saturating_sub(1);
        (first..self.files.len()).take_while(move |file| self.starts[*file] < to).filter_map(move |file| {
            let start = self.starts[file];
            let end = to.min(start + self.files[file].size);
            let begin = from.max(start);
            (begin < end).then(|| Span { file, offset: begin - start, length: end - begin })
        })
    }

    /// Hashes what [`Layout::spans`] says of the piece.
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

    /// The .torrent file, from the hashes of all pieces in their order. An empty `announce` or `comment` is left out.
    pub fn metainfo(&self, hashes: &[PieceHashes], announce: &str, comment: &str) -> Vec<u8> {
        let (info, piece_layers) = info::write(self, hashes);
        metainfo::write(&info, piece_layers.as_deref(), announce, comment)
    }

    fn has_v2(&self) -> bool {
        self.options.kind != Kind::V1
    }

    /// Makes the torrent with other hashes and reads it, before anybody hashes for hours what is then refused.
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

/// Where each file begins and where the last one ends. In version 2 a file that is not empty begins with a new piece.
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
