//! Why a .torrent file is refused, in sentences that a member can act on.

use crate::bencode;

/// Why a .torrent file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is not bencoded.
    #[error("This is not a sound .torrent file: {0}. Choose the .torrent file itself, or make it again.")]
    Bencode(#[from] bencode::Error),
    /// The outermost value is not a dictionary.
    #[error("This is not a .torrent file: it holds no dictionary. Choose the .torrent file itself.")]
    NotADictionary,
    /// There is no `info`.
    #[error("The file has no “info” dictionary, so it describes no torrent; make it again.")]
    MissingInfo,
    /// `meta version` is not 1 or 2, or does not fit the rest.
    #[error(
        "The file is of a metainfo version that is not known; make the torrent again as version 1, 2 or hybrid."
    )]
    Version,
    /// The name is missing or has no visible characters.
    #[error("The torrent has no name that can be seen; make it again with a name.")]
    MissingName,
    /// A path is absent, empty or not a list of strings.
    #[error("A file in the torrent has no readable path; make the torrent again.")]
    Path,
    /// A path, or all paths together, are too long to be saved.
    #[error(
        "The paths of the torrent's files are too long to be saved; shorten them and make the torrent again."
    )]
    LongPath,
    /// A path, or the target of a symbolic link, has more parts than clients read.
    #[error(
        "A path in the torrent has more than {limit} parts, which clients cannot open; move the files to fewer nested folders and make the torrent again."
    )]
    DeepPath {
        /// The largest number of parts that is accepted.
        limit: usize,
    },
    /// A name or path has `..` in it.
    #[error(
        "The path “{path}” leads out of the torrent's own folder; make the torrent again without “..” in names."
    )]
    ParentPath {
        /// The path, readable.
        path: String,
    },
    /// `piece length` is absent.
    #[error(
        "The file states no piece length; make the torrent again with a power of two from 16 KiB to 256 MiB."
    )]
    MissingPieceLength,
    /// `piece length` is out of bounds.
    #[error(
        "The piece length {length} is not allowed; make the torrent again with a power of two from 16 KiB to 256 MiB."
    )]
    PieceLength {
        /// In bytes.
        length: i64,
    },
    /// `pieces` is absent.
    #[error("The file holds no piece hashes; make the torrent again.")]
    MissingPieces,
    /// `pieces` does not fit the sizes.
    #[error(
        "The file holds {found} bytes of piece hashes where its sizes need {expected}; make the torrent again."
    )]
    PieceCount {
        /// In bytes.
        found: u64,
        /// In bytes.
        expected: u64,
    },
    /// The torrent has more pieces than clients take.
    #[error(
        "The torrent has more than {limit} pieces, which clients refuse; make it again with larger pieces."
    )]
    TooManyPieces {
        /// The largest number that is accepted.
        limit: u64,
    },
    /// `length`, `files` and `file tree` are all absent, or the one present is empty.
    #[error("The torrent lists no files; make it again with at least one file.")]
    NoFiles,
    /// The torrent has more files than the site takes.
    #[error(
        "The torrent has more than {limit} files; pack some of them into archives and make the torrent again."
    )]
    TooManyFiles {
        /// The largest number that is accepted.
        limit: usize,
    },
    /// `length` and `files` are both present.
    #[error("The file describes both a single file and a list of files; make the torrent again.")]
    TwoLayouts,
    /// The file list or tree is malformed.
    #[error("The list of files in the torrent is not readable; make the torrent again.")]
    FileList,
    /// A size is absent, negative or too large.
    #[error("A file in the torrent has no valid size; make the torrent again.")]
    FileSize,
    /// All sizes are zero.
    #[error(
        "The files in the torrent are all empty, so there is nothing to share; make it again with content."
    )]
    NoContent,
    /// More names clash than clients are willing to change.
    #[error("Too many files in the torrent share one path; rename them and make the torrent again.")]
    Clashes,
    /// A version 2 tree has a pad file.
    #[error("The torrent lists a pad file where version 2 allows none; make it again.")]
    PadFile,
    /// A version 2 file lacks its root hash.
    #[error("A file in the torrent lacks its version 2 root hash; make the torrent again.")]
    MissingRoot,
    /// Version 1 and version 2 describe different files.
    #[error(
        "The version 1 and version 2 parts of the hybrid torrent list different files; make the torrent again."
    )]
    HybridMismatch,
    /// A version 2 file larger than a piece lacks its piece layer.
    #[error(
        "The file lacks version 2 piece layers, without which nobody can download it; export the .torrent again from the client that made it."
    )]
    MissingLayer,
    /// A piece layer fits no file, or has the wrong length or root.
    #[error("The version 2 piece layers do not fit the files; make the torrent again.")]
    Layer,
}
