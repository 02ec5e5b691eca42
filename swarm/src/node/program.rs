//! The process of a client's program.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::Context;
use infra::process::{AtParentsEnd, command};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Timeouts;

/// Lines at the end of a log that are shown as the reason why a program ended.
const LAST_LINES: usize = 3;

/// A process and the process group that it leads.
pub(super) struct Program {
    child: Child,
    /// The process id, which is the group's as well.
    group: Option<Pid>,
}

impl Program {
    /// Starts `wanted` without input, with its output appended to `log`. It ends with the calling thread.
    pub(super) fn start(wanted: &Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let wanted = wanted.as_std();
        // Shells have background processes ignore SIGINT, which they would hand on.
        let mut command = command("env", None, AtParentsEnd::Terminate);
        command.arg("--default-signal=INT").arg(wanted.get_program());
        command.args(wanted.get_args()).stdout(output.try_clone()?).stderr(output);
        for (name, value) in wanted.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = wanted.get_current_dir() {
            command.current_dir(folder);
        }
        let child = command.spawn().context("cannot run `setpriv` (Debian package util-linux)")?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self { child, group })
    }

    /// Waits for its end, and kills what is left of its group.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.signal(Signal::KILL);
        status
    }

    /// Sends SIGINT, on which programs still tell the tracker, then SIGTERM, then SIGKILL.
    pub(super) async fn stop(mut self, timeouts: &Timeouts) {
        for (signal, limit) in [(Signal::INT, timeouts.interrupt), (Signal::TERM, timeouts.terminate)] {
            self.signal(signal);
            if timeout(limit, self.wait()).await.is_ok() {
                return;
            }
        }
        self.kill().await;
    }

    /// Kills it.
    pub(super) async fn kill(mut self) {
        self.signal(Signal::KILL);
        let _ = self.wait().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended by now.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Kills what nobody waited for.
impl Drop for Program {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.signal(Signal::KILL);
        }
    }
}

/// The last lines of a log, joined.
pub(super) fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<_> =
        text.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(LAST_LINES).collect();
    lines.reverse();
    lines.join(" / ")
}
