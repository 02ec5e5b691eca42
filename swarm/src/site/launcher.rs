//! `fairywren up` as a child process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use infra::process::{AtParentsEnd, command};
use infra::shutdown::Shutdown;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::sync::watch;
use tokio::time::timeout;

/// Wait for the site to start, which makes a database.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// Wait for the site to stop. It takes 5 s as a rule, and kills parts that do not stop within 40 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(45);

/// Wait for the site's end after SIGKILL.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// Lines of the log that are shown when it ends.
const LAST_LINES: usize = 12;

/// Bytes at the end of the log that hold those lines.
const TAIL: usize = 16 << 10;

/// A running `fairywren up`.
#[derive(Debug)]
pub(super) struct Launcher {
    /// The lines that it printed before `ready`.
    printed: Vec<String>,
    log: PathBuf,
    stop: Shutdown,
    ended: watch::Receiver<bool>,
}

impl Launcher {
    /// Starts `program` on the folder `data` and waits until it is ready.
    pub(super) async fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        if !program.is_file() {
            bail!("{} is missing: build it with `cargo build --bins`", program.display());
        }
        let log = PathBuf::from(format!("{}.log", data.display()));
        let stderr = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut up = command(program, None, AtParentsEnd::Terminate);
        up.arg("up").arg("--data").arg(data).stdout(Stdio::piped()).stderr(stderr);
        let mut child = up.spawn().context("cannot run `setpriv` (Debian package util-linux)")?;
        let stdout = child.stdout.take().context("the launcher has no standard output")?;
        let printed = match timeout(START_TIMEOUT, read_until_ready(stdout)).await {
            Ok(Ok(printed)) => printed,
            Ok(Err(_)) => {
                end(&mut child).await;
                bail!("the site ended at its start:\n{}", tail(&log));
            }
            Err(_) => {
                end(&mut child).await;
                bail!("the site was not ready within {} seconds:\n{}", START_TIMEOUT.as_secs(), tail(&log));
            }
        };
        let (has_ended, ended) = watch::channel(false);
        let stop = Shutdown::default();
        stop.spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    _ = child.wait() => {}
                    () = stop.requested() => end(&mut child).await,
                }
                has_ended.send_replace(true);
            }
        });
        Ok(Self { printed, log, stop, ended })
    }

    /// The text that it printed after `name`.
    pub(super) fn url(&self, name: &str) -> Option<&str> {
        self.printed.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
    }

    /// Stops it and waits for its end.
    pub(super) async fn stop(&self) {
        self.stop.finish(STOP_TIMEOUT + KILL_TIMEOUT).await;
    }

    /// Waits for its end. The last lines of its log.
    pub(super) async fn ended(&self) -> String {
        // An error would mean that the runtime ends.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
        tail(&self.log)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.stop.request();
    }
}

/// The lines before `ready`; an error where the output ends before.
async fn read_until_ready(stdout: ChildStdout) -> std::io::Result<Vec<String>> {
    let mut lines = BufReader::new(stdout).lines();
    let mut printed = Vec::new();
    while let Some(line) = lines.next_line().await? {
        if line == "ready" {
            return Ok(printed);
        }
        printed.push(line);
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

/// Sends SIGTERM, then SIGKILL, which ends the launcher's own children, too.
async fn end(child: &mut Child) {
    let pid = child.id().and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
    if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        tracing::warn!("the site did not stop within {} s and is killed", STOP_TIMEOUT.as_secs());
        let _ = child.kill().await;
    }
}

/// The last lines of `log`.
fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
