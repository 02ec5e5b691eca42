//! qbittorrent-nox by its Web API (seen with 4.5.2, Web API 2.8.19, libtorrent 2.0.8).
//!
//! What it does unlike the others:
//! - Apart from `started`, `completed` and `stopped` it announces every 300 s at the soonest, whatever the tracker asks for
//!   (libtorrent's `min_announce_interval`, for which it has no setting). A tracker with a shorter peer timeout loses it.
//! - After a `kill -9` it continues from its last saved state, a minute old at most, or none: it downloads again what is on
//!   the disk.
//! - Its rates are libtorrent's, which go down for seconds after the last byte: ours are computed from totals.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use async_trait::async_trait;
use bt::InfoHash;
use clients::{Addition, Remote as _};
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::ledger::{Moved, Rates};
use super::{Activity, Client, Link, Setup, Share, program};

/// Its Web API, on the loopback of the client's network.
const URL: &str = "http://127.0.0.1:8080/";

pub(super) struct Qbittorrent {
    setup: Setup,
    /// None until the program was started.
    remote: Option<clients::Qbittorrent>,
    /// Piece maps of complete torrents, which do not change any more.
    complete: HashMap<String, Vec<u8>>,
    /// Rates of torrents and of peers.
    rates: Rates,
}

/// A torrent in `torrents/info`.
#[derive(Debug, Deserialize)]
struct Torrent {
    /// Truncated version 2 where there is one, else version 1.
    hash: String,
    /// Empty where there is none; none from versions without hybrid torrents.
    infohash_v1: Option<String>,
    state: String,
    completed: u64,
    amount_left: u64,
    uploaded: u64,
    downloaded: u64,
    /// Connected peers.
    num_seeds: i64,
    num_leechs: i64,
    /// By the tracker's answer, else by what qBittorrent knows.
    num_complete: i64,
    num_incomplete: i64,
    /// Empty until a tracker has answered.
    tracker: String,
}

/// The answer of `sync/torrentPeers`.
#[derive(Debug, Deserialize)]
struct Peers {
    /// The peers, by address and port.
    #[serde(default)]
    peers: HashMap<String, Peer>,
}

#[derive(Debug, Deserialize)]
struct Peer {
    ip: IpAddr,
    #[serde(default)]
    uploaded: u64,
    #[serde(default)]
    downloaded: u64,
}

/// A torrent with its pieces and peers.
struct Reported {
    torrent: Torrent,
    pieces: Vec<u8>,
    peers: HashMap<String, Peer>,
}

impl Qbittorrent {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, remote: None, complete: HashMap::new(), rates: Rates::default() }
    }

    fn remote(&self) -> anyhow::Result<&clients::Qbittorrent> {
        self.remote.as_ref().context("qBittorrent was not started")
    }

    async fn torrents(&self) -> anyhow::Result<Vec<Torrent>> {
        Ok(self.remote()?.get("torrents/info").await?)
    }

    async fn ask(&self, torrent: Torrent) -> anyhow::Result<Reported> {
        let pieces = match self.complete.get(torrent.name()) {
            Some(pieces) if torrent.amount_left == 0 => pieces.clone(),
            _ => self.pieces(&torrent.hash).await?,
        };
        let alone = torrent.num_seeds + torrent.num_leechs <= 0;
        let peers = if alone { HashMap::new() } else { self.peers(&torrent.hash).await? };
        Ok(Reported { torrent, pieces, peers })
    }

    async fn pieces(&self, hash: &str) -> anyhow::Result<Vec<u8>> {
        // 0 is lacking, 1 is being fetched, 2 is there.
        let states: Vec<u8> = self.remote()?.get(&format!("torrents/pieceStates?hash={hash}")).await?;
        let mut bits = vec![0; states.len().div_ceil(8)];
        for (piece, state) in states.into_iter().enumerate() {
            if state == 2 {
                bits[piece / 8] |= 0x80 >> (piece % 8);
            }
        }
        Ok(bits)
    }

    async fn peers(&self, hash: &str) -> anyhow::Result<HashMap<String, Peer>> {
        // With rid=0 the answer is complete, else it has what changed.
        let peers: Peers = self.remote()?.get(&format!("sync/torrentPeers?hash={hash}&rid=0")).await?;
        Ok(peers.peers)
    }

    fn configuration(&self) -> String {
        let Setup { addresses, port, rate, .. } = &self.setup;
        // It takes one address at most: for both families it is bound to the interface.
        let interface = match addresses.as_slice() {
            [address] => format!("Session\\InterfaceAddress={address}"),
            _ => "Session\\Interface=eth0\nSession\\InterfaceName=eth0".to_owned(),
        };
        let rate = rate.map_or(0, |rate| rate.max(1));
        // `RefreshInterval` (ms): how often it updates its torrents' states. `SaveResumeDataInterval` (minutes): how often it
        // saves progress, which `kill -9` loses; the default is 60. `BTProtocol`: no uTP, which slows down when all clients
        // share one processor. `Encryption`: allowed, not demanded.
        format!(
            "[LegalNotice]\n\
             Accepted=true\n\
             \n\
             [Meta]\n\
             MigrationVersion=4\n\
             \n\
             [Network]\n\
             PortForwardingEnabled=false\n\
             \n\
             [Application]\n\
             FileLogger\\Enabled=false\n\
             \n\
             [BitTorrent]\n\
             {interface}\n\
             Session\\Port={port}\n\
             Session\\UseRandomPort=false\n\
             Session\\DHTEnabled=false\n\
             Session\\PeXEnabled=false\n\
             Session\\LSDEnabled=false\n\
             Session\\BTProtocol=TCP\n\
             Session\\Encryption=0\n\
             Session\\IgnoreLimitsOnLAN=false\n\
             Session\\GlobalDLSpeedLimit={rate}\n\
             Session\\GlobalUPSpeedLimit={rate}\n\
             Session\\QueueingSystemEnabled=false\n\
             Session\\MaxActiveCheckingTorrents=4\n\
             Session\\AddTorrentPaused=false\n\
             Session\\TempPathEnabled=false\n\
             Session\\DisableAutoTMMByDefault=true\n\
             Session\\AsyncIOThreadsCount=2\n\
             Session\\RefreshInterval=500\n\
             Session\\SaveResumeDataInterval=1\n\
             \n\
             [Preferences]\n\
             Connection\\ResolvePeerCountries=false\n\
             Connection\\ResolvePeerHostNames=false\n\
             DynDNS\\Enabled=false\n\
             General\\Locale=en\n\
             WebUI\\Enabled=true\n\
             WebUI\\Address=127.0.0.1\n\
             WebUI\\Port=8080\n\
             WebUI\\LocalHostAuth=false\n\
             WebUI\\CSRFProtection=false\n\
             WebUI\\HostHeaderValidation=false\n\
             WebUI\\UseUPnP=false\n"
        )
    }
}

#[async_trait(?Send)]
impl Client for Qbittorrent {
    fn command(&mut self) -> anyhow::Result<Command> {
        let folder = std::path::absolute(&self.setup.folder)?;
        let mut command = program::command("qbittorrent-nox", &folder)?;
        // Its torrents are beside this, in qBittorrent/data/BT_backup.
        let configuration = folder.join("qBittorrent/config");
        std::fs::create_dir_all(&configuration)?;
        std::fs::write(configuration.join("qBittorrent.conf"), self.configuration())?;
        self.remote = Some(clients::Qbittorrent::new(clients::Endpoint::new(URL, "", "")?)?);
        self.complete.clear();
        command.arg(format!("--profile={}", folder.display())).env("TMPDIR", &folder);
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        Ok(self.remote()?.version().await?)
    }

    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let remote = self.remote()?;
        if remote.find(&program::read(metainfo)?.hashes.canonical()).await?.is_none() {
            let folder = program::utf8(folder)?;
            remote.add(&Addition { metainfo, folder: &folder, label: None, paused: false }).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        self.complete.remove(&info_hash.to_string());
        Ok(self.remote()?.remove(info_hash, false).await?)
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        self.setup.rate = rate;
        // Bytes a second, a signed 32-bit number; 0 is no limit.
        let limit = rate.map_or(0, |rate| rate.max(1).saturating_mul(1024).min(i32::MAX.unsigned_abs()));
        for path in ["transfer/setUploadLimit", "transfer/setDownloadLimit"] {
            self.remote()?.post(path, &[("limit", &limit.to_string())]).await?;
        }
        Ok(())
    }

    /// It scrapes one of its queued torrents three minutes after its start and then every half hour: so all are queued.
    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let none = json!({
            "queueing_enabled": true, "max_active_downloads": 0, "max_active_uploads": 0, "max_active_torrents": 0,
        });
        self.remote()?.post("app/setPreferences", &[("json", &none.to_string())]).await?;
        self.add(metainfo, folder).await
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let torrents = self.torrents().await?;
        let said = try_join_all(torrents.into_iter().map(|torrent| self.ask(torrent))).await?;
        for Reported { torrent, pieces, .. } in &said {
            if torrent.activity() == Activity::Seeding && !self.complete.contains_key(torrent.name()) {
                self.complete.insert(torrent.name().to_owned(), pieces.clone());
            }
        }
        let now = Instant::now();
        let shares = said.into_iter().map(|said| said.share(&mut self.rates, now)).collect();
        self.rates.tidy(now);
        Ok(shares)
    }
}

impl Torrent {
    /// As [`Share::info_hash`].
    fn name(&self) -> &str {
        self.infohash_v1.as_deref().filter(|hash| !hash.is_empty()).unwrap_or(&self.hash)
    }

    fn activity(&self) -> Activity {
        clients::qbittorrent::activity(&self.state, self.amount_left)
    }
}

impl Reported {
    fn share(self, rates: &mut Rates, now: Instant) -> Share {
        let Self { torrent, pieces, peers } = self;
        let count = |number: i64| u32::try_from(number).ok();
        let links = peers.into_iter().map(|(name, peer)| {
            let total = Moved { sent: peer.uploaded, fetched: peer.downloaded };
            let rate = rates.rate(&format!("{} {name}", torrent.hash), total, now);
            Link { address: peer.ip.to_canonical(), sending: rate.sent, fetching: rate.fetched }
        });
        let links = links.collect();
        let total = Moved { sent: torrent.uploaded, fetched: torrent.downloaded };
        let rate = rates.rate(&torrent.hash, total, now);
        Share {
            info_hash: torrent.name().to_owned(),
            activity: torrent.activity(),
            done: torrent.completed,
            pieces,
            sent: total.sent,
            fetched: total.fetched,
            sending: rate.sent,
            fetching: rate.fetched,
            links,
            told: count(torrent.num_complete)
                .zip(count(torrent.num_incomplete))
                .filter(|_| !torrent.tracker.is_empty()),
        }
    }
}
