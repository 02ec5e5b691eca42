//! `swarm demo`: everything together, until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::client::Kind;

/// `swarm demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Files and folders to share; each becomes a torrent, also those that are put there later
    #[arg(long, value_name = "DIR", default_value = "sources")]
    pub(crate) sources: PathBuf,
    /// Clients that are given the content
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) seeders: u16,
    /// Clients that begin with nothing
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) leechers: u16,
    /// Programs to use, in turn
    #[arg(long, value_name = "NAME", value_delimiter = ',',
          default_value = "rtorrent,transmission,qbittorrent,aria2,libtorrent")]
    pub(crate) clients: Vec<Kind>,
    /// Where the browser finds the site
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8000")]
    pub(crate) site: Option<SocketAddr>,
    /// KiB a second that each client may send, and fetch
    #[arg(long, value_name = "KiB/s")]
    pub(crate) rate: Option<u32>,
    /// Where everything is kept; emptied at the start
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(options: &Demo) -> anyhow::Result<()> {
    anyhow::bail!("unwritten {options:?}")
}
