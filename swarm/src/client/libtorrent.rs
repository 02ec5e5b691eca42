//! libtorrent 2, by a small program of ours around its Python binding (seen with 2.1.1).
//!
//! The program listens on an abstract unix socket. Such names belong to a network namespace, so that all clients use the
//! same. The program ends with the connection.
//!
//! Rates are computed from totals: libtorrent's own go down for seconds after the last byte.

use std::net::IpAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;
use bt::InfoHash;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Command;

use super::ledger::{Moved, Rates};
use super::{Activity, Client, Link, Setup, Share, program};

/// The program, which is written into the client's folder.
const PROGRAM: &str = include_str!("libtorrent.py");
/// The name of its socket.
const SOCKET: &str = "fairywren-libtorrent";

pub(super) struct Libtorrent {
    setup: Setup,
    /// None until the program listens.
    line: Option<Line>,
    /// The byte counters of torrents and peers, from which rates are computed.
    rates: Rates,
}

/// A connection to the program.
struct Line {
    answers: Lines<BufReader<OwnedReadHalf>>,
    requests: OwnedWriteHalf,
    /// The id of the last request. An answer with an older id is ignored: its request was given up.
    number: u64,
}

/// An answer of the program.
#[derive(Deserialize)]
struct Answer {
    id: u64,
    #[serde(default)]
    value: Value,
    error: Option<String>,
}

/// A torrent, as the program reports it.
#[derive(Deserialize)]
struct Torrent {
    hash: String,
    activity: String,
    error: Option<String>,
    done: u64,
    pieces: String,
    sent: u64,
    fetched: u64,
    told: Option<(u32, u32)>,
    links: Vec<Peer>,
}

#[derive(Deserialize)]
struct Peer {
    address: IpAddr,
    port: u16,
    sent: u64,
    fetched: u64,
}

impl Libtorrent {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, line: None, rates: Rates::default() }
    }

    /// Adds a torrent by the request `what`.
    async fn give(&mut self, what: &str, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        // In a file: a request has to fit into the socket's buffer.
        let path = std::path::absolute(&self.setup.folder)?.join("added.torrent");
        std::fs::write(&path, metainfo)?;
        self.ask(what, json!({ "path": path, "folder": std::path::absolute(folder)? })).await.map(drop)
    }

    /// Sends the request `what` with its arguments. The answer's value.
    async fn ask(&mut self, what: &str, mut with: Value) -> anyhow::Result<Value> {
        with["do"] = what.into();
        let line = match &mut self.line {
            Some(line) => line,
            none => none.insert(Line::begin()?),
        };
        line.ask(with).await
    }
}

impl Line {
    /// Connects, which never blocks on a unix socket.
    fn begin() -> anyhow::Result<Self> {
        let stream = StdStream::connect_addr(&SocketAddr::from_abstract_name(SOCKET)?);
        let stream = stream.context("the libtorrent program does not listen")?;
        stream.set_nonblocking(true)?;
        let (answers, requests) = UnixStream::from_std(stream)?.into_split();
        Ok(Self { answers: BufReader::new(answers).lines(), requests, number: 0 })
    }

    /// Sends a request and waits for its answer. Cancel-safe: requests fit into the socket's buffer, and answers have ids.
    async fn ask(&mut self, mut request: Value) -> anyhow::Result<Value> {
        self.number += 1;
        request["id"] = self.number.into();
        let mut line = request.to_string();
        line.push('\n');
        self.requests.write_all(line.as_bytes()).await.context("the libtorrent program has ended")?;
        while let Some(line) = self.answers.next_line().await? {
            let answer: Answer = serde_json::from_str(&line)?;
            match answer.error {
                _ if answer.id != self.number => {}
                None => return Ok(answer.value),
                Some(error) => bail!("libtorrent says: {error}"),
            }
        }
        bail!("the libtorrent program has ended")
    }
}

#[async_trait(?Send)]
impl Client for Libtorrent {
    fn command(&mut self) -> anyhow::Result<Command> {
        let folder = std::path::absolute(&self.setup.folder)?;
        let mut command = program::command(&python(), &folder)?;
        // Not libtorrent.py, which Python would import as the module of that name.
        let path = folder.join("program.py");
        std::fs::write(&path, PROGRAM)?;
        self.line = None;
        command.arg(path).arg(SOCKET).arg(folder).args([
            listen(&self.setup.addresses, self.setup.port),
            outgoing(&self.setup.addresses),
            bytes(self.setup.rate).to_string(),
        ]);
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        let version = self.ask("version", json!({})).await?;
        version.as_str().map(str::to_owned).ok_or_else(|| anyhow!("libtorrent says no version"))
    }

    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        self.give("add", metainfo, folder).await
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        self.ask("remove", json!({ "hash": info_hash.to_string() })).await.map(drop)
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        self.setup.rate = rate;
        self.ask("throttle", json!({ "limit": bytes(rate) })).await.map(drop)
    }

    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        self.give("scrape", metainfo, folder).await?;
        let hash = program::read(metainfo)?.hashes.canonical().to_string();
        program::until("the answer to libtorrent's scrape", async || {
            Ok(self.ask("scraped", json!({ "hash": hash })).await? == json!(true))
        })
        .await
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let torrents: Vec<Torrent> = serde_json::from_value(self.ask("shares", json!({})).await?)?;
        let now = Instant::now();
        let shares = torrents.into_iter().map(|torrent| torrent.share(&mut self.rates, now)).collect();
        self.rates.tidy(now);
        shares
    }
}

impl Torrent {
    fn share(self, rates: &mut Rates, now: Instant) -> anyhow::Result<Share> {
        let links = self.links.iter().map(|peer| {
            let total = Moved { sent: peer.sent, fetched: peer.fetched };
            let rate = rates.rate(&format!("{} {} {}", self.hash, peer.address, peer.port), total, now);
            Link { address: peer.address.to_canonical(), sending: rate.sent, fetching: rate.fetched }
        });
        let links = links.collect();
        let rate = rates.rate(&self.hash, Moved { sent: self.sent, fetched: self.fetched }, now);
        Ok(Share {
            info_hash: self.hash,
            activity: match self.activity.as_str() {
                "checking" => Activity::Checking,
                "leeching" => Activity::Leeching,
                "seeding" => Activity::Seeding,
                "stopped" => Activity::Stopped,
                _ => Activity::Failed(self.error.unwrap_or_default()),
            },
            done: self.done,
            pieces: HEXLOWER.decode(self.pieces.as_bytes())?,
            sent: self.sent,
            fetched: self.fetched,
            sending: rate.sent,
            fetching: rate.fetched,
            links,
            told: self.told,
        })
    }
}

/// `10.77.0.5:6881,[fd77::5]:6881`.
fn listen(addresses: &[IpAddr], port: u16) -> String {
    let sockets: Vec<String> =
        addresses.iter().map(|&address| std::net::SocketAddr::new(address, port).to_string()).collect();
    sockets.join(",")
}

/// The address that connections are made from, if the client has one. With two, libtorrent would use each in turn whatever
/// the peer's family, and every second connection would fail: then the system chooses.
fn outgoing(addresses: &[IpAddr]) -> String {
    match addresses {
        [address] => address.to_string(),
        _ => String::new(),
    }
}

/// Bytes a second; 0 is no limit.
fn bytes(rate: Option<u32>) -> u32 {
    // libtorrent's limit is a signed 32-bit number.
    rate.map_or(0, |rate| rate.saturating_mul(1024).clamp(1, i32::MAX.unsigned_abs()))
}

/// A Python with libtorrent: that of `FAIRYWREN_TEST_PYTHON`, that which `make` installed beside our programs, or the
/// system's.
pub(crate) fn python() -> String {
    let installed = || {
        let path = std::env::current_exe().ok()?.parent()?.parent()?.join("test-venv/bin/python");
        path.exists().then_some(path)?.into_os_string().into_string().ok()
    };
    std::env::var("FAIRYWREN_TEST_PYTHON").ok().or_else(installed).unwrap_or_else(|| "python3".to_owned())
}
