//! The programs that people use, as the demonstration starts and asks them: each in its own words, all in these.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bt::InfoHash;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// A client program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// rtorrent, asked by SCGI and XML-RPC.
    Rtorrent,
    /// transmission-daemon, asked by its RPC.
    Transmission,
    /// qbittorrent-nox, asked by its Web API.
    Qbittorrent,
    /// aria2c, asked by JSON-RPC.
    Aria2,
    /// libtorrent by its Python binding, with a small program of ours around it.
    Libtorrent,
}

/// What a client is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Of the client alone: configuration, session, log.
    pub(crate) folder: PathBuf,
    /// Its addresses on the bridge, at most one of each family. It must bind to and announce from no other.
    pub(crate) addresses: Vec<IpAddr>,
    /// Where it takes connections of other peers.
    pub(crate) port: u16,
    /// KiB a second that it may send, and that it may fetch; no limit otherwise.
    pub(crate) rate: Option<u32>,
}

/// Another peer, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    /// Of the other.
    pub(crate) address: IpAddr,
    /// Bytes a second to it.
    pub(crate) sending: u64,
    /// Bytes a second from it.
    pub(crate) fetching: u64,
}

/// One torrent, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Share {
    /// In hex, as the client names it: v1 where there is one, else v2 truncated.
    pub(crate) info_hash: String,
    pub(crate) activity: Activity,
    /// Bytes that it has and has checked.
    pub(crate) done: u64,
    /// One bit for each piece, the first in the highest bit of the first byte; empty while unknown.
    #[serde(skip)]
    pub(crate) pieces: Vec<u8>,
    /// Bytes sent and fetched since it was added.
    pub(crate) sent: u64,
    pub(crate) fetched: u64,
    /// Bytes a second.
    pub(crate) sending: u64,
    pub(crate) fetching: u64,
    pub(crate) links: Vec<Link>,
    /// Seeders and leechers that the tracker told it, where it says so.
    pub(crate) told: Option<(u32, u32)>,
}

/// A client program that was started with [`Client::command`]. All of it runs on the client's own thread, whose sockets
/// are in the client's network: 127.0.0.1 is its own loopback there.
#[async_trait(?Send)]
pub(crate) trait Client {
    /// Writes the configuration into [`Setup::folder`] and says how the program is started in the foreground. DHT, PEX,
    /// LSD, `UPnP`, NAT-PMP, encryption demands and everything that calls home are off; only the tracker tells of peers.
    ///
    /// Called again after the program ended: its session may still be there.
    fn command(&mut self) -> anyhow::Result<Command>;

    /// The program's version, once it can be asked; an error means not yet.
    async fn version(&mut self) -> anyhow::Result<String>;

    /// Adds a torrent whose content is, or is to be, in `folder` (as FOLDER/NAME), checks what is there, and starts it.
    /// Adding one that it has is no error.
    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()>;

    /// Forgets a torrent and leaves its content. Removing one that it has not is no error.
    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()>;

    /// Changes [`Setup::rate`].
    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()>;

    /// Adds a torrent that it has not, without starting it, and has it ask the tracker for the torrent's numbers (BEP 48)
    /// in the way that the program comes to do so. Programs that do it when they are told to have been answered when this
    /// returns; others are about to do it.
    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()>;

    /// Every torrent that it has.
    async fn shares(&mut self) -> anyhow::Result<Vec<Share>>;
}

impl Kind {
    /// As in the names of clients.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rtorrent => "rtorrent",
            Self::Transmission => "transmission",
            Self::Qbittorrent => "qbittorrent",
            Self::Aria2 => "aria2",
            Self::Libtorrent => "libtorrent",
        }
    }

    /// Who speaks with such a program.
    pub(crate) fn client(self, setup: Setup) -> Box<dyn Client> {
        match self {
            Self::Rtorrent => Box::new(rtorrent::Rtorrent::new(setup)),
            Self::Transmission => Box::new(transmission::Transmission::new(setup)),
            Self::Qbittorrent => Box::new(qbittorrent::Qbittorrent::new(setup)),
            Self::Aria2 => Box::new(aria2::Aria2::new(setup)),
            Self::Libtorrent => Box::new(libtorrent::Libtorrent::new(setup)),
        }
    }
}

pub(crate) use clients::Activity;
pub(crate) use libtorrent::python;

mod aria2;
mod jsonrpc;
mod ledger;
mod libtorrent;
mod program;
mod qbittorrent;
mod rtorrent;
mod transmission;
