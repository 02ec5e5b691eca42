//! Torrents of a file or folder: `swarm create`, and [`create()`] for the demonstration.

mod command;
mod found;
mod hash;
#[cfg(test)]
mod tests;

use std::path::Path;

use bt::create::{Content, Layout, Source};
use bt::metainfo::Kind;
use infra::refusal::Refusal;

pub(crate) use command::{Create, run};

/// What kind of torrent to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Which metadata format.
    pub(crate) kind: Kind,
    /// In bytes; `None` for one that suits the size.
    pub(crate) piece_length: Option<u64>,
    /// Whether clients may learn of peers from the tracker only.
    pub(crate) private: bool,
    /// The torrent's name, if not that of the file or folder.
    pub(crate) name: Option<String>,
    /// The tracker's URL; empty for none.
    pub(crate) announce: String,
    /// Empty for none.
    pub(crate) comment: String,
}

/// Version 1 and private, which every program reads and seeds. Transmission 3 refuses the file tree of version 2 for its empty
/// keys; rtorrent 0.9 and aria2 expect the pad files of a hybrid in a folder that they seed.
impl Default for Options {
    fn default() -> Self {
        Self {
            kind: Kind::V1,
            piece_length: None,
            private: true,
            name: None,
            announce: String::new(),
            comment: String::new(),
        }
    }
}

/// Progress in making a torrent.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// An entry of the folder is left out, as it is neither file nor folder.
    Skipped(&'a Path),
    /// The files are known. Their layout and bytes in all.
    Begun(&'a Layout, u64),
    /// So many more bytes are hashed; sent by several threads.
    Hashed(u64),
}

/// The .torrent file of `path`, hashed on all cores. Blocks while it reads.
///
/// # Errors
/// A [`Refusal`] for what the caller can mend: an unreadable file, a folder without files, names that clients would change,
/// files that change meanwhile.
pub(crate) fn create(
    path: &Path,
    options: &Options,
    watch: &(dyn Fn(Event<'_>) + Sync),
) -> anyhow::Result<Vec<u8>> {
    let files = found::files(path, watch)?;
    let name = options.name.clone().map_or_else(|| found::name(path), Ok)?;
    let source = |file: &found::File| Source { path: file.path.clone(), size: file.stamp.size };
    let content = match &*files {
        [] => return Err(refusal(format!("There is no file in {}: put one there first.", path.display()))),
        [only] if only.path.is_empty() => Content::File(only.stamp.size),
        files => Content::Folder(files.iter().map(source).collect()),
    };
    let shape = bt::create::Options {
        kind: options.kind,
        piece_length: options.piece_length,
        private: options.private,
    };
    let layout = Layout::new(&name, content, shape).map_err(|error| refusal(error.to_string()))?;
    watch(Event::Begun(&layout, files.iter().map(|file| file.stamp.size).sum()));
    let hashes = hash::all_pieces(&layout, &files, watch)?;
    // A file may have changed after it was read.
    files.iter().try_for_each(found::File::check)?;
    Ok(layout.metainfo(&hashes, &options.announce, &options.comment))
}

/// A [`Refusal`] with a sentence that says what to do.
fn refusal(sentence: impl Into<String>) -> anyhow::Error {
    Refusal(sentence.into()).into()
}
