//! Refuses names and paths that a torrent cannot have.

use super::{Error, Layout};
use crate::metainfo::Kind;

/// Refuses paths that clients would read as others.
pub(super) fn check(layout: &Layout) -> Result<(), Error> {
    // They are sorted: a path comes right before the first that begins with it.
    if let Some(pair) = layout.files.windows(2).find(|pair| pair[1].path.starts_with(&pair[0].path)) {
        return Err(Error::Twice { path: pair[0].path.join("/") });
    }
    if layout.single {
        return Ok(());
    }
    let like_file = matches!(layout.files.as_slice(), [only] if only.path == [layout.name.as_str()]);
    if layout.options.kind == Kind::V2 && like_file {
        return Err(Error::FolderLikeFile { name: layout.name.clone() });
    }
    let is_pad = |path: &[String]| path.first().is_some_and(|part| part == ".pad");
    if layout.options.kind == Kind::Hybrid && layout.files.iter().any(|file| is_pad(&file.path)) {
        return Err(Error::PadFolder);
    }
    Ok(())
}
