//! A client of the swarm: its program, its network and the thread that both belong to.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bt::InfoHash;
use serde::Serialize;
use tokio::time::Instant;

use crate::client::{Kind, Share};
use crate::network::Network;

/// Where a client's program stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It was started and does not answer yet.
    Starting,
    /// It answers.
    Running,
    /// It was told to stop.
    Stopped,
    /// It ended by itself or was killed.
    Dead(String),
}

/// What is known of a client, at most a second old while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) state: State,
    /// The program's, once it has said so.
    pub(crate) version: Option<String>,
    /// Whether its network is there.
    pub(crate) connected: bool,
    /// KiB a second, as set last.
    pub(crate) rate: Option<u32>,
    /// As it said last.
    pub(crate) shares: Vec<Share>,
    /// When it said so.
    pub(crate) at: Instant,
}

/// What a client is told. It knows its torrents again after its program was stopped, killed and started.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// Adds a torrent; `content` is copied into its folder first, so that it seeds.
    Add { metainfo: Arc<[u8]>, content: Option<PathBuf> },
    /// Forgets a torrent and deletes its content.
    Remove(InfoHash),
    /// Stops its program, as its user would.
    Stop,
    /// Starts it again.
    Start,
    /// `kill -9`.
    Kill,
    /// KiB a second both ways; none takes the limit away.
    Throttle(Option<u32>),
    /// Takes its network away.
    Cut,
    /// Gives it back.
    Restore,
}

/// A client.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// As on the page: program and number, "rtorrent-3".
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Node {
    /// Makes its network and its thread and starts its program. Below `folder`: what its program keeps, and `downloads`.
    pub(crate) async fn start(
        name: String,
        kind: Kind,
        network: &Network,
        number: u16,
        folder: &Path,
        rate: Option<u32>,
    ) -> anyhow::Result<Self> {
        let _ = (network, number, folder, rate);
        Ok(Self { name, kind, addresses: Vec::new() })
    }

    /// Gives an order and waits until it is carried out.
    pub(crate) async fn order(&self, order: Order) -> anyhow::Result<()> {
        anyhow::bail!("unwritten {order:?}")
    }

    /// What is known of it now.
    pub(crate) fn report(&self) -> Report {
        Report {
            state: State::Starting,
            version: None,
            connected: true,
            rate: None,
            shares: Vec::new(),
            at: Instant::now(),
        }
    }

    /// Where its downloads are.
    pub(crate) fn downloads(&self) -> PathBuf {
        PathBuf::new()
    }
}
