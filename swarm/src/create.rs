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
    /// In bytes; `None` for what fits the size.
    pub(crate) piece_length: Option<u64>,
    /// Whether clients may learn of peers from the tracker only.
    pub(crate) private: bool,
    /// Instead of the name of the file or folder.
    pub(crate) name: Option<String>,
    /// The tracker's URL; empty for none.
    pub(crate) announce: String,
    /// Empty for none.
    pub(crate) comment: String,
}

/// Version 1 and private, since every program reads and seeds that: Transmission 3 refuses what holds a version 2 file
/// tree, for its empty keys; rtorrent 0.9 and aria2 miss the pad files of a hybrid in a folder that they are to seed.
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

/// What happens while a torrent is made.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// Something in the folder is left out: neither file nor folder.
    Skipped(&'a Path),
    /// The files are known; they hold so many bytes.
    Begun(&'a Layout, u64),
    /// So many more bytes are hashed. Said by several threads.
    Hashed(u64),
}

/// The .torrent file of `path`, hashed on all cores. Blocks for as long as reading takes.
///
/// What the caller can mend is a [`Refusal`]: what cannot be read, a folder without files, names that clients would
/// change, files that change meanwhile.
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
    // A change after a file was read shows only now.
    files.iter().try_for_each(found::File::check)?;
    Ok(layout.metainfo(&hashes, &options.announce, &options.comment))
}

/// What the caller can mend, as a sentence that says how.
fn refusal(sentence: impl Into<String>) -> anyhow::Error {
    Refusal(sentence.into()).into()
}
