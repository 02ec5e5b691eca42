//! What the programs have in common: how they are started, and how they are asked over HTTP.

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

/// What makes libcurl and aria2 look for a proxy. Names in capitals are read too, but for the first.
const PROXIES: [&str; 7] =
    ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ftp_proxy", "no_proxy"];

/// A program that is at home in `folder`, which is made: nothing of the user's own configuration, locale and proxies
/// reaches it.
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

/// Waits until `is_so`; `what` is in the error otherwise.
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

/// A folder as the programs are told it.
pub(super) fn utf8(folder: &Path) -> anyhow::Result<String> {
    let folder = std::path::absolute(folder)?.into_os_string().into_string();
    folder.map_err(|folder| anyhow!("the name of the folder {} is not UTF-8", folder.display()))
}

/// Reads a .torrent file.
pub(super) fn read(metainfo: &[u8]) -> anyhow::Result<Metainfo<'_>> {
    Metainfo::parse(metainfo, &bt::bencode::Limits::default()).context("this is no torrent")
}
