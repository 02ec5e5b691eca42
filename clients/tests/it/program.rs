//! A client program, started for one test on loopback.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clients::Remote;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Longer than the busiest machine takes.
const PATIENT: Duration = Duration::from_mins(5);

/// A running program, which is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    folder: tempfile::TempDir,
}

impl Running {
    /// Starts `command`, which may use the folder, with nothing of the user's configuration.
    pub(crate) fn start(folder: tempfile::TempDir, command: &mut Command) -> Self {
        fs::create_dir_all(folder.path().join("downloads")).expect("a folder");
        Self { child: spawn(folder.path(), command), folder }
    }

    /// Kills it and starts it again.
    pub(crate) async fn restart(&mut self, command: &mut Command) {
        self.child.kill().await.expect("killed");
        self.child = spawn(self.folder.path(), command);
    }

    /// A folder for content.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    /// What it wrote to standard output and standard error.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until it answers, and says its version.
    pub(crate) async fn version(&mut self, remote: &dyn Remote) -> String {
        let begun = Instant::now();
        loop {
            let error = match remote.version().await {
                Ok(version) => return version,
                Err(error) => error,
            };
            let ended = self.child.try_wait().expect("its state");
            assert!(ended.is_none() && begun.elapsed() < PATIENT, "{error}; {ended:?}: {}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn spawn(folder: &Path, command: &mut Command) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    command
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .kill_on_drop(true);
    command.spawn().expect("the program starts; `make test` installs it")
}

/// A port of loopback that nobody listened on just now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its number").port()
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < PATIENT, "waited in vain until {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
