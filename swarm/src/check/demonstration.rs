//! `swarm demo` as a process, run as a user runs it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::content;
use super::process_tree::ProcessTree;
use crate::control::ControlCommand;

/// The file that is added to the sources later, and its size in bytes.
const LATER: &str = "dropped-in-later.bin";
const DROPPED: usize = 5 << 20;

/// Wait for a demonstration to end: longer than it waits for its parts before it kills them.
const STOP_TIMEOUT: Duration = Duration::from_secs(100);

pub(super) struct Demonstration {
    process: Child,
    data: PathBuf,
}

impl Demonstration {
    /// Starts it and waits until all clients are started.
    pub(super) fn start(folder: &Path, sources: &Path, seeders: u16, leechers: u16) -> anyhow::Result<Self> {
        let data = folder.join("data");
        let mut process = Command::new(std::env::current_exe()?)
            .args(["demo", "--site", "127.0.0.1:0", "--rate", "0"])
            .arg(format!("--seeders={seeders}"))
            .arg(format!("--leechers={leechers}"))
            .arg("--sources")
            .arg(sources)
            .arg("--data")
            .arg(&data)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start the demonstration")?;
        let stdout = process.stdout.take().context("the demonstration has no standard output")?;
        let demonstration = Self { process, data };
        for line in BufReader::new(stdout).lines() {
            if line? == "ready" {
                return Ok(demonstration);
            }
        }
        bail!("the demonstration has ended; its log stands above")
    }

    /// Sends a command. The demonstration's answer.
    pub(super) fn command(&self, command: &ControlCommand) -> anyhow::Result<String> {
        crate::control::tell(&self.data, command)
    }

    /// The present picture.
    pub(super) fn picture(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.command(&ControlCommand::Show)?)?)
    }

    /// Names of the clients that were given no content.
    pub(super) fn leechers(&self) -> anyhow::Result<Vec<String>> {
        let picture = self.picture()?;
        let clients = picture["clients"].as_array().context("the picture lacks the clients")?;
        let holders = picture["torrents"].as_array().into_iter().flatten();
        let origins: BTreeSet<u64> = holders
            .flat_map(|torrent| torrent["holders"].as_array().into_iter().flatten())
            .filter(|holder| holder["origin"] == true)
            .filter_map(|holder| holder["client"].as_u64())
            .collect();
        let names = clients.iter().zip(0..).filter(|(_, at)| !origins.contains(at));
        Ok(names.filter_map(|(client, _)| client["name"].as_str().map(str::to_owned)).collect())
    }

    /// Compares every file of the sources with each client's copy: the number of identical ones, and of all.
    pub(super) fn compare(&self, sources: &Path) -> anyhow::Result<(usize, usize)> {
        let expected = content::hashes(sources)?;
        let (mut right, mut all) = (0, 0);
        for client in
            fs::read_dir(self.data.join("clients")).context("cannot read the folder of the clients")?
        {
            let downloads = client?.path().join("downloads");
            // Each torrent has a folder of its own there.
            let mut found = Vec::new();
            for torrent in
                fs::read_dir(&downloads).with_context(|| format!("cannot read {}", downloads.display()))?
            {
                found.push(content::hashes(&torrent?.path())?);
            }
            for (path, hash) in &expected {
                all += 1;
                let same = found.iter().any(|files| files.get(path) == Some(hash));
                right += usize::from(same);
                if !same {
                    eprintln!("{} is not in {}", path.display(), downloads.display());
                }
            }
        }
        Ok((right, all))
    }

    /// Ends it as Ctrl-C does. The number of its processes that are left, and of their networks.
    pub(super) fn stop(mut self) -> anyhow::Result<(usize, usize)> {
        let tree = ProcessTree::of(self.process.id())?;
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("the demonstration has no process id")?;
        kill_process(pid, Signal::INT)?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.process.try_wait()? {
                if !status.success() {
                    bail!("the demonstration ended with {status}");
                }
                return tree.left();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the demonstration did not end within {} s", STOP_TIMEOUT.as_secs())
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        // The processes that it started end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Adds one more file to the sources.
pub(super) fn drop_file(sources: &Path) -> anyhow::Result<()> {
    let mut bytes = vec![0; DROPPED];
    fastrand::Rng::with_seed(77).fill(&mut bytes);
    fs::write(sources.join(LATER), bytes).context("cannot add a file to the sources")
}

/// Removes that file again.
pub(super) fn take_out(sources: &Path) -> anyhow::Result<()> {
    fs::remove_file(sources.join(LATER)).context("cannot remove a file from the sources")
}
