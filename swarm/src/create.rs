//! `swarm create`: a .torrent of a file or folder.

use std::path::PathBuf;

use clap::Args;

/// `swarm create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// File or folder
    path: PathBuf,
}

/// Writes the torrent.
pub(crate) fn run(options: &Create) -> anyhow::Result<()> {
    anyhow::bail!("unwritten {options:?}")
}
