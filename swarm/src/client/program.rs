//! What the client programs have in common: how they are started, and asked over HTTP.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use bt::metainfo::Metainfo;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// Wait for a program to do what it said that it will do.
const TASK_TIMEOUT: Duration = Duration::from_secs(10);

/// Variables by which libcurl and aria2 find a proxy.
const PROXIES: [&str; 7] =
    ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ftp_proxy", "no_proxy"];

/// A command with `folder`, which is made, as its home: the user's configuration, locale and proxies do not reach it.
pub(super) fn command(program: &str, folder: &Path) -> anyhow::Result<Command> {
    let folder = std::path::absolute(folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut command = Command::new(program);
    command.env("HOME", &folder).env("LC_ALL", "C.UTF-8").current_dir(&folder).stdin(Stdio::null());
    for name in PROXIES {
        command.env_remove(name);
    }
    Ok(command)
}

/// An HTTP client for programs on the client's own loopback. Each request has a new connection, as a program that was
/// killed leaves stale ones behind.
pub(super) fn http() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10));
    Ok(client.build()?)
}

/// Waits until `is_so`. The error, after ten seconds, names `what` was waited for.
pub(super) async fn until(
    what: &str,
    mut is_so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + TASK_TIMEOUT;
    while !is_so().await? {
        ensure!(Instant::now() < end, "{what} did not come in {} s", TASK_TIMEOUT.as_secs());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The absolute path of a folder, as the programs are told it.
pub(super) fn utf8(folder: &Path) -> anyhow::Result<String> {
    let folder = std::path::absolute(folder)?.into_os_string().into_string();
    folder.map_err(|folder| anyhow!("the name of the folder {} is not UTF-8", folder.display()))
}

/// Reads a .torrent file.
pub(super) fn read(metainfo: &[u8]) -> anyhow::Result<Metainfo<'_>> {
    Metainfo::parse(metainfo, &bt::bencode::Limits::default()).context("cannot read a .torrent file")
}
