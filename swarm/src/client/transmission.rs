//! transmission-daemon by its RPC (seen with 3.00).

mod names;
mod torrent;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use bt::InfoHash;
use clients::{Addition, Remote as _};
use serde_json::{Value, json};
use tokio::process::Command;

use self::torrent::{FIELDS, Torrent, Torrents};
use super::ledger::{Ledger, Moved};
use super::{Client, Setup, Share, program};

const URL: &str = "http://127.0.0.1:9091/transmission/rpc";

pub(super) struct Transmission {
    setup: Setup,
    /// None until the program was started.
    remote: Option<clients::Transmission>,
    /// Torrents added since the program was started last.
    seen: Vec<String>,
    ledger: Ledger,
    /// Torrents of its older session that it may not have read yet.
    unread: usize,
}

impl Transmission {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, remote: None, seen: Vec::new(), ledger: Ledger::default(), unread: 0 }
    }

    /// The whole `settings.json`; missing keys have the program's defaults.
    fn settings(&self) -> Value {
        let mut settings = json!({
            "dht-enabled": false,
            "pex-enabled": false,
            "lpd-enabled": false,
            "utp-enabled": false,
            "port-forwarding-enabled": false,
            "blocklist-enabled": false,
            // Plain connections first, encrypted ones where the peer insists.
            "encryption": 0,
            "peer-port": self.setup.port,
            "peer-port-random-on-start": false,
            "peer-limit-global": 200,
            "peer-limit-per-torrent": 60,
            "upload-slots-per-torrent": 14,
            "download-dir": self.setup.folder.join("downloads"),
            "incomplete-dir-enabled": false,
            "rename-partial-files": false,
            "start-added-torrents": true,
            "trash-original-torrent-files": false,
            "watch-dir-enabled": false,
            "preallocation": 0,
            // A `kill -9` loses the cache.
            "cache-size-mb": 0,
            "umask": 18,
            "download-queue-enabled": false,
            "seed-queue-enabled": false,
            "queue-stalled-enabled": false,
            "idle-seeding-limit-enabled": false,
            "ratio-limit-enabled": false,
            "rpc-enabled": true,
            "rpc-bind-address": "127.0.0.1",
            "rpc-port": 9091,
            "rpc-url": "/transmission/",
            "rpc-authentication-required": false,
            "rpc-whitelist-enabled": true,
            "rpc-whitelist": "127.0.0.1",
            "message-level": 2,
        });
        for address in &self.setup.addresses {
            let key = if address.is_ipv4() { "bind-address-ipv4" } else { "bind-address-ipv6" };
            settings[key] = json!(address);
        }
        for (name, value) in limits(self.setup.rate).as_object().into_iter().flatten() {
            settings[name.replace('_', "-")] = value.clone();
        }
        settings
    }

    fn remote(&self) -> anyhow::Result<&clients::Transmission> {
        self.remote.as_ref().context("transmission-daemon was not started")
    }

    async fn call(&self, method: &str, arguments: Value) -> anyhow::Result<Value> {
        Ok(self.remote()?.call(method, arguments).await?)
    }

    /// Removes the file in which the program says to others on the machine that it runs: it stays after a `kill -9`.
    fn forget_session(&mut self) {
        let session = self.remote.take().map(|remote| remote.session_id()).unwrap_or_default();
        if !session.is_empty() && session.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            // Mostly the program has removed it itself.
            let _ = fs::remove_file(format!("/tmp/tr_session_id_{session}"));
        }
    }

    /// Renames files to the names in the metainfo where Transmission chose others. Whether it had.
    async fn rename(&self, hash: &str, wanted: &[String]) -> anyhow::Result<bool> {
        let found = self.call("torrent_get", json!({ "ids": [hash], "fields": ["files"] })).await?;
        let files = found["torrents"][0]["files"].as_array().context("transmission-daemon lists no files")?;
        let chosen = files.iter().filter_map(|file| file["name"].as_str());
        let changes = names::changes(chosen, wanted);
        for (path, name) in &changes {
            let change = json!({ "ids": [hash], "path": path, "name": name });
            self.call("torrent_rename_path", change).await?;
        }
        Ok(!changes.is_empty())
    }
}

impl Drop for Transmission {
    fn drop(&mut self) {
        self.forget_session();
    }
}

#[async_trait(?Send)]
impl Client for Transmission {
    fn command(&mut self) -> anyhow::Result<Command> {
        self.setup.folder = std::path::absolute(&self.setup.folder)?;
        let mut command = program::command("transmission-daemon", &self.setup.folder)?;
        let settings = self.setup.folder.join("settings.json");
        fs::write(&settings, serde_json::to_vec_pretty(&self.settings())?)
            .with_context(|| format!("cannot write {}", settings.display()))?;
        self.forget_session();
        self.remote = Some(clients::Transmission::new(clients::Endpoint::new(URL, "", "")?)?);
        self.unread = fs::read_dir(self.setup.folder.join("torrents")).map_or(0, Iterator::count);
        self.seen.clear();
        self.ledger.begin();
        command.arg("--foreground").arg("--config-dir").arg(&self.setup.folder);
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        let version = self.remote()?.version().await?;
        // It answers before it has read its torrents. A damaged one never appears, so that each try expects one fewer.
        let stored = self.unread;
        self.unread = stored.saturating_sub(1);
        let known = self.call("session_stats", json!({})).await?;
        let known = known["torrent_count"].as_u64().and_then(|count| usize::try_from(count).ok());
        ensure!(known >= Some(stored), "transmission-daemon has not read all its torrents yet");
        Ok(version)
    }

    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let folder = program::utf8(folder)?;
        let parsed = program::read(metainfo)?;
        let info_hash = parsed.hashes.canonical();
        let hash = info_hash.to_string();
        if self.seen.contains(&hash) {
            return Ok(self.remote()?.start(&info_hash).await?);
        }
        let wanted = names::wanted(&parsed);
        let odd = wanted.iter().any(|path| names::is_odd(path));
        self.remote()?.add(&Addition { metainfo, folder: &folder, label: None, paused: odd }).await?;
        if odd && self.rename(&hash, &wanted).await? {
            self.call("torrent_verify", json!({ "ids": [hash] })).await?;
        }
        self.seen.push(hash);
        if odd {
            self.remote()?.start(&info_hash).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        let hash = info_hash.to_string();
        self.seen.retain(|seen| *seen != hash);
        self.ledger.strike(&hash);
        Ok(self.remote()?.remove(info_hash, false).await?)
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        self.setup.rate = rate;
        self.call("session_set", limits(rate)).await?;
        Ok(())
    }

    /// It scrapes a torrent that is not started, within three minutes.
    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let folder = program::utf8(folder)?;
        self.remote()?.add(&Addition { metainfo, folder: &folder, label: None, paused: true }).await?;
        Ok(())
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let answer = self.call("torrent_get", json!({ "fields": FIELDS })).await?;
        let answer: Torrents = serde_json::from_value(answer)?;
        let now = Instant::now();
        let share = |torrent: Torrent| {
            let said = Moved { sent: torrent.uploaded_ever, fetched: torrent.downloaded_ever };
            let (whole, _) = self.ledger.enter(&torrent.hash_string, said, now);
            torrent.share(whole)
        };
        answer.torrents.into_iter().map(share).collect()
    }
}

/// Rate limits in the words of the RPC. Its kilobytes have 1000 bytes; 0 would stop all transfers.
fn limits(rate: Option<u32>) -> Value {
    let kilobytes = rate.map_or(0, |rate| (u64::from(rate) * 1024).div_ceil(1000).max(1));
    json!({
        "speed_limit_up_enabled": rate.is_some(),
        "speed_limit_up": kilobytes,
        "speed_limit_down_enabled": rate.is_some(),
        "speed_limit_down": kilobytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_in_its_kilobytes_and_never_zero() {
        assert_eq!(limits(Some(1000))["speed_limit_up"], 1024);
        assert_eq!(limits(Some(0))["speed_limit_down"], 1);
        assert_eq!(limits(None)["speed_limit_up_enabled"], false);
    }

    #[test]
    fn it_binds_to_its_own_addresses() {
        let addresses = vec!["10.77.0.2".parse().unwrap(), "fd77::2".parse().unwrap()];
        let setup = Setup { folder: "/x".into(), addresses, port: 7000, rate: Some(10) };
        let settings = Transmission::new(setup).settings();
        assert_eq!(settings["bind-address-ipv4"], "10.77.0.2");
        assert_eq!(settings["bind-address-ipv6"], "fd77::2");
        assert_eq!((&settings["peer-port"], &settings["speed-limit-up"]), (&json!(7000), &json!(11)));
    }
}
