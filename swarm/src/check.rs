//! `swarm check`: a demonstration without onlookers, and its figures.

use clap::Args;

/// `swarm check`.
#[derive(Debug, Args)]
pub(crate) struct Check {}

/// Fails when a figure does.
pub(crate) fn run(options: &Check) -> anyhow::Result<()> {
    anyhow::bail!("unwritten {options:?}")
}
