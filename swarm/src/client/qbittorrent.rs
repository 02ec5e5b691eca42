//! Qbittorrent.

use std::path::Path;

use async_trait::async_trait;
use bt::InfoHash;
use tokio::process::Command;

use super::{Client, Setup, Share};

pub(super) struct Qbittorrent {
    setup: Setup,
}

impl Qbittorrent {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup }
    }
}

#[async_trait(?Send)]
impl Client for Qbittorrent {
    fn command(&mut self) -> anyhow::Result<Command> {
        anyhow::bail!("unwritten {}", self.setup.folder.display())
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        anyhow::bail!("unwritten")
    }

    async fn add(&mut self, _metainfo: &[u8], _folder: &Path) -> anyhow::Result<()> {
        anyhow::bail!("unwritten")
    }

    async fn remove(&mut self, _info_hash: &InfoHash) -> anyhow::Result<()> {
        anyhow::bail!("unwritten")
    }

    async fn throttle(&mut self, _rate: Option<u32>) -> anyhow::Result<()> {
        anyhow::bail!("unwritten")
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        anyhow::bail!("unwritten")
    }
}
