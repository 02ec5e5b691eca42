//! The client programs: how each is started, asked and told, behind one trait.

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
    /// rtorrent, by XML-RPC over SCGI.
    Rtorrent,
    /// transmission-daemon, by its RPC.
    Transmission,
    /// qbittorrent-nox, by its Web API.
    Qbittorrent,
    /// aria2c, by JSON-RPC.
    Aria2,
    /// libtorrent, by a small program of ours around its Python binding.
    Libtorrent,
}

/// What a client is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The client's own folder, for configuration, session and log.
    pub(crate) folder: PathBuf,
    /// Its addresses on the bridge, at most one of each family. It binds to these alone and announces from them.
    pub(crate) addresses: Vec<IpAddr>,
    /// The port on which it accepts peers.
    pub(crate) port: u16,
    /// KiB a second that it may send, and as many that it may download; none is no limit.
    pub(crate) rate: Option<u32>,
}

/// A peer that a client is connected to, as the client reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    /// The peer's.
    pub(crate) address: IpAddr,
    /// Bytes a second to it.
    pub(crate) sending: u64,
    /// Bytes a second from it.
    pub(crate) fetching: u64,
}

/// A torrent of a client, as the client reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Share {
    /// In hex: version 1 where there is one, else truncated version 2.
    pub(crate) info_hash: String,
    pub(crate) activity: Activity,
    /// Bytes that it has and has checked.
    pub(crate) done: u64,
    /// One bit for each piece, the first in the highest bit of the first byte; empty while unknown.
    #[serde(skip)]
    pub(crate) pieces: Vec<u8>,
    /// Bytes sent and downloaded since it was added.
    pub(crate) sent: u64,
    pub(crate) fetched: u64,
    /// Bytes a second.
    pub(crate) sending: u64,
    pub(crate) fetching: u64,
    pub(crate) links: Vec<Link>,
    /// Seeders and leechers by the tracker's latest answer, if the client reports them.
    pub(crate) told: Option<(u32, u32)>,
}

/// A client program that was started with [`Client::command`]. Its methods run on the client's own thread, whose sockets are
/// in the client's network: 127.0.0.1 is the loopback there.
#[async_trait(?Send)]
pub(crate) trait Client {
    /// Writes the configuration into [`Setup::folder`] and makes the command that starts the program in the foreground.
    /// DHT, PEX, LSD, `UPnP`, NAT-PMP, forced encryption and all requests to the program's makers are off: peers are known
    /// from the tracker alone.
    ///
    /// Called again after the program ended, when its session may still be there.
    fn command(&mut self) -> anyhow::Result<Command>;

    /// The program's version; an error while it starts.
    async fn version(&mut self) -> anyhow::Result<String>;

    /// Adds a torrent whose content is FOLDER/NAME, checks the content that is there, and starts it. Adding a torrent twice
    /// is no error.
    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()>;

    /// Removes a torrent and leaves its content. Removing an unknown torrent is no error.
    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()>;

    /// Changes [`Setup::rate`].
    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()>;

    /// Adds a torrent without starting it, and has the program scrape (BEP 48) in its own way. A program that scrapes on
    /// demand has its answer when this returns; others scrape within minutes.
    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()>;

    /// All torrents of the program.
    async fn shares(&mut self) -> anyhow::Result<Vec<Share>>;
}

impl Kind {
    /// The name as it stands in names of clients.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rtorrent => "rtorrent",
            Self::Transmission => "transmission",
            Self::Qbittorrent => "qbittorrent",
            Self::Aria2 => "aria2",
            Self::Libtorrent => "libtorrent",
        }
    }

    /// The client that starts and asks such a program.
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
