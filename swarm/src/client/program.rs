//! What the programs have in common: how they are started, and how they are asked over HTTP.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use bt::metainfo::Metainfo;
use tokio::process::Command;

/// A program that is at home in `folder`, which is made: nothing of the user's own configuration, locale and proxies
/// reaches it, and what it prints goes to `output.log` there.
pub(super) fn command(program: &str, folder: &Path) -> anyhow::Result<Command> {
    let folder = std::path::absolute(folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = folder.join("output.log");
    let log = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
        .env("HOME", &folder)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(command)
}

/// Asks programs on the client's own loopback. A new connection for each question, so that a program that was killed
/// and started again leaves no stale ones.
pub(super) fn http() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10));
    Ok(client.build()?)
}

/// Reads a .torrent file.
pub(super) fn read(metainfo: &[u8]) -> anyhow::Result<Metainfo<'_>> {
    Metainfo::parse(metainfo, &bt::bencode::Limits::default()).context("this is no torrent")
}
