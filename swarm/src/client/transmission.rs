//! transmission-daemon (seen with 3.00), asked by its RPC.

mod names;
mod torrent;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use bt::InfoHash;
use data_encoding::BASE64;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use self::torrent::{FIELDS, Torrent, Torrents};
use super::ledger::{Ledger, Moved};
use super::{Client, Setup, Share, program};

const URL: &str = "http://127.0.0.1:9091/transmission/rpc";
/// Against forged requests from browsers: an answer 409 names it, and every question repeats it.
const SESSION: &str = "X-Transmission-Session-Id";

pub(super) struct Transmission {
    setup: Setup,
    http: Option<reqwest::Client>,
    session: String,
    /// What was added since the program was started last.
    seen: Vec<String>,
    ledger: Ledger,
    /// Torrents of its older session, while it may not have read them all.
    unread: usize,
}

impl Transmission {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            http: None,
            session: String::new(),
            seen: Vec::new(),
            ledger: Ledger::default(),
            unread: 0,
        }
    }

    /// The whole `settings.json`; what it lacks has the program's default.
    fn settings(&self) -> Value {
        let mut settings = json!({
            "dht-enabled": false,
            "pex-enabled": false,
            "lpd-enabled": false,
            "utp-enabled": false,
            "port-forwarding-enabled": false,
            "blocklist-enabled": false,
            // Plain connections first, encrypted ones where the other insists.
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
            // What is only in the cache is lost by a `kill -9`.
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
        merge(&mut settings, limits(self.setup.rate));
        settings
    }

    async fn call(&mut self, method: &str, arguments: Value) -> anyhow::Result<Value> {
        let http = self.http.as_ref().context("transmission-daemon was not started")?;
        let question = json!({ "method": method, "arguments": arguments });
        for _ in 0..2 {
            let answer = http.post(URL).header(SESSION, &self.session).json(&question).send().await?;
            if answer.status() == StatusCode::CONFLICT {
                let session = answer.headers().get(SESSION).context("the answer 409 names no session")?;
                session.to_str()?.clone_into(&mut self.session);
                continue;
            }
            let answer: Answer = answer.error_for_status()?.json().await?;
            ensure!(answer.result == "success", "{method}: {}", answer.result);
            return Ok(answer.arguments);
        }
        bail!("{method}: transmission-daemon refuses its own session")
    }

    /// Where the program says that it runs, for others on the machine. That is left behind by a `kill -9`.
    fn forget_session(&mut self) {
        let session = std::mem::take(&mut self.session);
        if !session.is_empty() && session.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            // Mostly the program has removed it itself.
            let _ = fs::remove_file(format!("/tmp/tr_session_id_{session}"));
        }
    }

    /// Brings a torrent of an older session up to date. Progress and folder are written down after some minutes or at
    /// a regular end: after a `kill -9` the program has forgotten them.
    async fn recall(&mut self, hash: &str, folder: &Path) -> anyhow::Result<()> {
        let fields = json!({ "ids": [hash], "fields": ["downloadDir", "leftUntilDone", "status"] });
        let found = self.call("torrent-get", fields).await?;
        let found = &found["torrents"][0];
        if found["downloadDir"] != json!(folder) {
            let place = json!({ "ids": [hash], "location": folder, "move": false });
            self.call("torrent-set-location", place).await?;
        }
        if found["leftUntilDone"] != json!(0) {
            self.call("torrent-verify", json!({ "ids": [hash] })).await?;
        }
        Ok(())
    }

    /// Gives files the names of the metainfo where it chose others; says whether it had.
    async fn rename(&mut self, hash: &str, wanted: &[String]) -> anyhow::Result<bool> {
        let found = self.call("torrent-get", json!({ "ids": [hash], "fields": ["files"] })).await?;
        let files =
            found["torrents"][0]["files"].as_array().context("torrent-get: an answer without files")?;
        let chosen = files.iter().filter_map(|file| file["name"].as_str());
        let changes = names::changes(chosen, wanted);
        for (path, name) in &changes {
            let change = json!({ "ids": [hash], "path": path, "name": name });
            self.call("torrent-rename-path", change).await?;
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
        self.http = Some(program::http()?);
        self.forget_session();
        self.unread = fs::read_dir(self.setup.folder.join("torrents")).map_or(0, Iterator::count);
        self.seen.clear();
        self.ledger.begin();
        command.arg("--foreground").arg("--config-dir").arg(&self.setup.folder);
        Ok(command)
    }

    async fn version(&mut self) -> anyhow::Result<String> {
        let session = self.call("session-get", json!({ "fields": ["version"] })).await?;
        // It answers before it has read its torrents, some of which may be damaged by now.
        let stored = self.unread;
        self.unread = stored.saturating_sub(1);
        let known = self.call("session-stats", json!({})).await?;
        let known = known["torrentCount"].as_u64().and_then(|count| usize::try_from(count).ok());
        ensure!(known >= Some(stored), "transmission-daemon has not read all its torrents yet");
        // "3.00 (bb6b5a062e)"
        let version = session["version"].as_str().and_then(|version| version.split(' ').next());
        Ok(version.context("transmission-daemon names no version")?.to_owned())
    }

    async fn add(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let folder = std::path::absolute(folder)?;
        let wanted = names::wanted(&program::read(metainfo)?);
        let odd = wanted.iter().any(|path| names::is_odd(path));
        let torrent = json!({ "metainfo": BASE64.encode(metainfo), "download-dir": folder, "paused": odd });
        let answer = self.call("torrent-add", torrent).await?;
        let (known, torrent) = match &answer["torrent-duplicate"] {
            Value::Null => (false, &answer["torrent-added"]),
            torrent => (true, torrent),
        };
        let hash =
            torrent["hashString"].as_str().context("torrent-add: an answer without a hash")?.to_owned();
        if !self.seen.contains(&hash) {
            if known {
                self.recall(&hash, &folder).await?;
            }
            if odd && self.rename(&hash, &wanted).await? {
                self.call("torrent-verify", json!({ "ids": [hash] })).await?;
            }
            self.seen.push(hash.clone());
        }
        if known || odd {
            self.call("torrent-start", json!({ "ids": [hash] })).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, info_hash: &InfoHash) -> anyhow::Result<()> {
        let hash = info_hash.to_string();
        self.seen.retain(|seen| *seen != hash);
        self.ledger.strike(&hash);
        self.call("torrent-remove", json!({ "ids": [hash], "delete-local-data": false })).await?;
        Ok(())
    }

    async fn throttle(&mut self, rate: Option<u32>) -> anyhow::Result<()> {
        self.setup.rate = rate;
        self.call("session-set", limits(rate)).await?;
        Ok(())
    }

    /// It scrapes a torrent that is not started, at some moment within three minutes, and others every half hour were it not
    /// for the numbers in answers to announces.
    async fn scrape(&mut self, metainfo: &[u8], folder: &Path) -> anyhow::Result<()> {
        let folder = std::path::absolute(folder)?;
        let torrent = json!({ "metainfo": BASE64.encode(metainfo), "download-dir": folder, "paused": true });
        self.call("torrent-add", torrent).await.map(drop)
    }

    async fn shares(&mut self) -> anyhow::Result<Vec<Share>> {
        let answer = self.call("torrent-get", json!({ "fields": FIELDS })).await?;
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

/// Its kilobytes have 1000 bytes; 0 would stop everything.
fn limits(rate: Option<u32>) -> Value {
    let kilobytes = rate.map_or(0, |rate| (u64::from(rate) * 1024).div_ceil(1000).max(1));
    json!({
        "speed-limit-up-enabled": rate.is_some(),
        "speed-limit-up": kilobytes,
        "speed-limit-down-enabled": rate.is_some(),
        "speed-limit-down": kilobytes,
    })
}

fn merge(settings: &mut Value, more: Value) {
    if let (Value::Object(settings), Value::Object(more)) = (settings, more) {
        settings.extend(more);
    }
}

#[derive(Deserialize)]
struct Answer {
    result: String,
    #[serde(default)]
    arguments: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_in_its_kilobytes_and_never_zero() {
        assert_eq!(limits(Some(1000))["speed-limit-up"], 1024);
        assert_eq!(limits(Some(0))["speed-limit-down"], 1);
        assert_eq!(limits(None)["speed-limit-up-enabled"], false);
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
