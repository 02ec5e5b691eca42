//! aria2c by JSON-RPC (seen with 1.36).

mod torrent;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use bt::InfoHash;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::process::Command;

use self::torrent::{KEYS, Status};
use super::ledger::Ledger;
use super::{Client, Setup, Share, jsonrpc, program};

const URL: &str = "http://127.0.0.1:6800/jsonrpc";
/// Torrents that an answer lists at most.
const MANY: u32 = 1000;

pub(super) struct Aria2 {
    setup: Setup,
    http: Option<reqwest::Client>,
    /// By info hash. aria2 writes no torrents that were added by RPC into its sessions, so that we keep them and write the
    /// session.
    torrents: HashMap<String, Torrent>,
    ledger: Ledger,
}

struct Torrent {
    /// Our copy of the .torrent file, which aria2 reads when it is started again.
    file: PathBuf,
    folder: PathBuf,
    name: String,
    /// aria2's id of the download, while it has one.
    gid: Option<String>,
    /// Bytes that were there when aria2 was started, once known.
    had: Option<u64>,
}

impl Aria2 {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, http: None, torrents: HashMap::new(), ledger: Ledger::default() }
    }

    /// The whole `aria2.conf`.
    ///
    /// The tracker's intervals are overruled: without a peer it would wait 120 s, longer than some trackers remember a peer.
    fn configuration(&self) -> anyhow::Result<String> {
        let port = self.setup.port;
        let mut text = format!(
            "enable-rpc=true\n\
             rpc-listen-port=6800\n\
             rpc-max-request-size=64M\n\
             rpc-save-upload-metadata=false\n\
             listen-port={port}\n\
             enable-dht=false\n\
             enable-dht6=false\n\
             enable-peer-exchange=false\n\
             bt-enable-lpd=false\n\
             bt-require-crypto=false\n\
             bt-max-peers=60\n\
             bt-tracker-connect-timeout=5\n\
             bt-tracker-timeout=10\n\
             bt-tracker-interval=12\n\
             seed-ratio=0.0\n\
             max-concurrent-downloads=100\n\
             check-integrity=true\n\
             bt-hash-check-seed=true\n\
             bt-remove-unselected-file=false\n\
             allow-overwrite=true\n\
             file-allocation=none\n\
             auto-save-interval=0\n\
             disk-cache=0\n\
             async-dns=false\n\
             no-netrc=true\n\
             quiet=true\n\
             input-file=session\n"
        );
        // aria2 binds to one address at most.
        if let [address] = self.setup.addresses[..] {
            writeln!(text, "interface={address}")?;
        }
        for (key, value) in limits(self.setup.rate) {
            writeln!(text, "{key}={value}")?;
        }
        Ok(text)
    }

    /// The torrents to start with, in the format of aria2's sessions: a URI, then options in indented lines.
    fn session(&self) -> String {
        let mut text = String::new();
        for torrent in self.torrents.values() {
            // A String takes everything.
            let _ = writeln!(text, "{}\n dir={}", torrent.file.display(), torrent.folder.display());
        }
        text
    }

    async fn call(&self, method: &str, arguments: Value) -> anyhow::Result<Value> {
        let http = self.http.as_ref().context("aria2c was not started")?;
        jsonrpc::call(http, URL, method, arguments).await
    }

    /// All downloads, and the peers of those that were known before, by one request.
    async fn statuses(&self) -> anyhow::Result<Vec<Status>> {
        let gids: Vec<&str> = self.torrents.values().filter_map(|torrent| torrent.gid.as_deref()).collect();
        let mut calls = vec![
            json!({ "methodName": "aria2.tellActive", "params": [KEYS] }),
            json!({ "methodName": "aria2.tellWaiting", "params": [0, MANY, KEYS] }),
            json!({ "methodName": "aria2.tellStopped", "params": [0, MANY, KEYS] }),
        ];
        calls.extend(gids.iter().map(|gid| json!({ "methodName": "aria2.getPeers", "params": [gid] })));
        let answers = self.call("system.multicall", json!([calls])).await?;
        let answers = answers.as_array().context("aria2c answered system.multicall without a list")?;
        let mut statuses = Vec::new();
        for answer in answers.iter().take(3) {
            statuses.extend(serde_json::from_value::<Vec<Status>>(answer[0].clone())?);
        }
        for (gid, answer) in gids.iter().zip(answers.iter().skip(3)) {
            // A download that has just ended has an error in place of peers.
            if let Some(status) = statuses.iter_mut().find(|status| status.gid == **gid)
                && let Ok(peers) = serde_json::from_value(answer[0].clone())
            {
                status.peers = peers;
            }
        }
        Ok(statuses)
    }

    async fn find(&self, hash: &str) -> anyhow::Result<Option<Status>> {
        Ok(self.statuses().await?.into_iter().find(|status| status.is_of(hash)))
    }
}

#[async_trait(?Send)]
impl Client for Aria2 {
    fn command(&mut self) -> anyhow::Result<Command> {
        self.setup.folder = std::path::absolute(&self.setup.folder)?;
        let folder = &self.setup.folder;
        let mut command = program::command("aria2c", folder)?;
        fs::create_dir_all(folder.join("torrents")).context("cannot make aria2's folder of torrents")?;
        for (file, text) in [("aria2.conf", self.configuration()?), ("session", self.session())] {
            fs::write(folder.join(file), text).with_context(|| format!("cannot write {file}"))?;
        }
        for torrent in self.torrents.values_mut() {
            (torrent.gid, torrent.had) = (None, None);
        }
        self.ledger.begin();
        self.http = Some(program::http()?);
        command.arg("--conf-path=aria2.conf");
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        let version = self.call("aria2.getVersion", json!([])).await?;
        Ok(version["version"].as_str().context("aria2c names no version")?.to_owned())
    }

    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let parsed = program::read(metainfo)?;
        let hash = parsed.hashes.v1.context("aria2 1.36 reads no torrents of version 2")?.to_string();
        // It encodes `info` anew without empty keys, which makes another info hash.
        ensure!(parsed.hashes.v2.is_none(), "aria2 1.36 misreads hybrid torrents");
        let folder = std::path::absolute(folder)?;
        if let Some(status) = self.find(&hash).await? {
            if status.goes_on() {
                return Ok(());
            }
            self.call("aria2.removeDownloadResult", json!([status.gid])).await?;
        }
        let file = self.setup.folder.join("torrents").join(format!("{hash}.torrent"));
        fs::write(&file, metainfo).with_context(|| format!("cannot write {}", file.display()))?;
        let had = if folder.join(&parsed.name).exists() { None } else { Some(0) };
        let options = json!({ "dir": folder });
        let gid = self.call("aria2.addTorrent", json!([BASE64.encode(metainfo), [], options])).await?;
        let gid = gid.as_str().map(str::to_owned);
        self.torrents.insert(hash, Torrent { file, folder, name: parsed.name, gid, had });
        Ok(())
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        let hash = info_hash.to_string();
        let torrent = self.torrents.remove(&hash);
        self.ledger.strike(&hash);
        // It announces `stopped` first, for which it is given 3 s.
        for turn in 0..100 {
            let Some(status) = self.find(&hash).await? else { break };
            match turn {
                _ if status.has_ended() => {
                    self.call("aria2.removeDownloadResult", json!([status.gid])).await?;
                    break;
                }
                0 => drop(self.call("aria2.remove", json!([status.gid])).await?),
                60 => drop(self.call("aria2.forceRemove", json!([status.gid])).await?),
                99 => bail!("aria2c does not remove torrent {hash}"),
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if let Some(torrent) = torrent {
            // Either file may be missing; the second is aria2's record of the pieces that it has.
            let _ = fs::remove_file(&torrent.file);
            let _ = fs::remove_file(torrent.folder.join(format!("{}.aria2", torrent.name)));
        }
        Ok(())
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        self.setup.rate = rate;
        let options = limits(rate).map(|(key, value)| (key.to_owned(), Value::from(value)));
        self.call("aria2.changeGlobalOption", json!([serde_json::Map::from_iter(options)])).await?;
        Ok(())
    }

    async fn scrape(&mut self, _: &[u8], _: &Path) -> anyhow::Result<()> {
        bail!("aria2 1.36 cannot scrape")
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let (mut shares, now) = (Vec::new(), Instant::now());
        for status in self.statuses().await? {
            let Some(torrent) = status.hash().and_then(|hash| self.torrents.get_mut(hash)) else { continue };
            if torrent.gid.as_ref() != Some(&status.gid) {
                torrent.gid = Some(status.gid.clone());
            }
            let moved = status.moved(&mut torrent.had);
            let (whole, rate) = self.ledger.enter(status.hash().unwrap_or_default(), moved, now);
            shares.push(status.share(whole, rate)?);
        }
        Ok(shares)
    }
}

/// Bytes a second; 0 is no limit.
fn limits(rate: Option<u32>) -> [(&'static str, String); 2] {
    let rate = format!("{}K", rate.map_or(0, |rate| rate.max(1)));
    [("max-overall-upload-limit", rate.clone()), ("max-overall-download-limit", rate)]
}
