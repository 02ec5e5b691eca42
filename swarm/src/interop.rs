//! `swarm interop`: each program fetches from each other through our tracker.

use clap::Args;

/// `swarm interop`.
#[derive(Debug, Args)]
pub(crate) struct Interop {}

/// Fails when a pair does.
pub(crate) fn run(options: &Interop) -> anyhow::Result<()> {
    anyhow::bail!("unwritten {options:?}")
}
