//! Keeps a child process running: waits until it is ready, restarts it when it ends, and stops it within a bounded
//! time.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow};
use infra::postgres::Cluster;
use infra::shutdown::Shutdown;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// Pause before a child that ended is started again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause, after the child has ended several times. It is short, since the cause, such as a full disk, may be
/// gone at any moment.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A child that ran for this long is restarted after [`FIRST_PAUSE`] again.
const GOOD_RUN: Duration = Duration::from_secs(5);

/// Time between two reads of the embedded server's pid file.
const POLL: Duration = Duration::from_millis(5);

/// A program to keep running.
pub(crate) struct Program {
    /// Its name in messages.
    pub(crate) name: &'static str,
    /// Makes the command of each start.
    pub(crate) command: Box<dyn Fn() -> Command + Send + Sync>,
    /// How the launcher learns that the program is ready.
    pub(crate) readiness: Readiness,
    /// The signal that asks it to stop.
    pub(crate) stop_signal: Signal,
    /// Time from that signal until it is killed.
    pub(crate) stop_timeout: Duration,
}

/// How a child says that it is ready.
pub(crate) enum Readiness {
    /// It prints this many lines `listening ADDR:PORT` on its standard output.
    Listening(usize),
    /// It is a Postgres server, whose pid file says so.
    Server(Cluster),
}

impl Program {
    /// Starts the program, and restarts it until `shutdown`. Returns when it is ready for the first time; a program
    /// that ends before that is not restarted.
    pub(crate) async fn keep(self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let (serves, first) = oneshot::channel();
        let task = self.run(shutdown.clone(), serves);
        shutdown.spawn(task);
        first.await.context("the launcher was told to stop")?
    }

    async fn run(self, shutdown: Shutdown, serves: oneshot::Sender<anyhow::Result<()>>) {
        let mut serves = Some(serves);
        let mut pause = FIRST_PAUSE;
        loop {
            let start = Instant::now();
            let end = self.run_once(&shutdown, &mut serves).await;
            if shutdown.is_requested() {
                return;
            }
            let end = end.map_or_else(|error| error.to_string(), |status| status.to_string());
            let name = self.name;
            if let Some(serves) = serves.take() {
                let _ =
                    serves.send(Err(anyhow!("{name} ended at its start ({end}); see its messages above")));
                return;
            }
            if start.elapsed() >= GOOD_RUN {
                pause = FIRST_PAUSE;
            }
            tracing::warn!("{name} ended ({end}); starting it again in {} ms", pause.as_millis());
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.requested() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn run_once(
        &self,
        shutdown: &Shutdown,
        serves: &mut Option<oneshot::Sender<anyhow::Result<()>>>,
    ) -> io::Result<ExitStatus> {
        let mut child = (self.command)().stdout(Stdio::piped()).spawn()?;
        let pid = child.id().unwrap_or_default();
        let stdout = child.stdout.take();
        let watch = async {
            let rest = self.served(pid, stdout).await;
            if let Some(serves) = serves.take() {
                let _ = serves.send(Ok(()));
            } else {
                tracing::info!("{} serves again", self.name);
            }
            drain(rest).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            status = child.wait() => return status,
            () = watch => {}
            () = shutdown.requested() => {}
        }
        self.stop(&mut child, pid).await
    }

    /// Returns when the child is ready, with the rest of its output, which must be read, or the child would block.
    async fn served(&self, pid: u32, stdout: Option<ChildStdout>) -> Option<BufReader<ChildStdout>> {
        let mut stdout = stdout.map(BufReader::new);
        match &self.readiness {
            Readiness::Listening(listeners) => {
                let mut missing = *listeners;
                let mut line = String::new();
                while missing > 0 {
                    line.clear();
                    match stdout.as_mut()?.read_line(&mut line).await {
                        // The child closed its output. `keep` notices when it ends.
                        Ok(0) | Err(_) => std::future::pending().await,
                        Ok(_) => missing -= usize::from(line.starts_with("listening ")),
                    }
                }
            }
            Readiness::Server(cluster) => {
                while !cluster.is_ready(pid) {
                    sleep(POLL).await;
                }
            }
        }
        stdout
    }

    async fn stop(&self, child: &mut Child, pid: u32) -> io::Result<ExitStatus> {
        let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(process) = process {
            // Fails if the child has ended by now.
            let _ = kill_process(process, self.stop_signal);
        }
        if let Ok(status) = timeout(self.stop_timeout, child.wait()).await {
            return status;
        }
        tracing::warn!(
            "{} did not stop within {} ms and is killed",
            self.name,
            self.stop_timeout.as_millis()
        );
        if let Some(process) = process {
            let _ = kill_process_group(process, Signal::KILL);
        }
        child.wait().await
    }
}

async fn drain(stdout: Option<BufReader<ChildStdout>>) {
    if let Some(mut stdout) = stdout {
        let _ = tokio::io::copy_buf(&mut stdout, &mut tokio::io::sink()).await;
    }
}
