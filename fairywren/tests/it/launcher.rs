//! A running `fairywren up`, and what can be seen of it from outside.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Far beyond what anything takes, so that a failure is one of the program and not of a busy machine.
const STEP_TIMEOUT: Duration = Duration::from_mins(5);

pub(crate) const FREE_PORTS: [&str; 4] = ["--site", "127.0.0.1:0", "--tracker", "127.0.0.1:0"];

/// A folder that other users may pass through.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("its mode");
    folder
}

/// The launcher's program; the others must be beside it.
pub(crate) fn program() -> PathBuf {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_fairywren"));
    for other in ["tracker", "webapi"] {
        let other = program.with_file_name(other);
        assert!(
            other.is_file(),
            "{} is missing: run `make test`, or `cargo build --bins` first",
            other.display()
        );
    }
    program
}

pub(crate) fn up(program: &Path, data: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("up").arg("--data").arg(data).args(options);
    command
}

/// Runs a command that is refused; its exit status and what it says.
pub(crate) fn refused(mut command: Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing is announced");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + STEP_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().expect("a process")).expect("a process");
    kill_process(pid, signal).expect("it runs");
}

/// The processes that the first thread of `parent` started.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let children =
        fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).expect("its children");
    children.split_whitespace().map(|pid| pid.parse().expect("a process")).collect()
}

/// Processes with `path` in their command line.
pub(crate) fn processes_of(path: &Path) -> Vec<String> {
    let path = path.to_str().expect("UTF-8");
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.map(|it| String::from_utf8_lossy(&it).replace('\0', " ")).filter(|it| it.contains(path)).collect()
}

/// A launcher that became ready. Dropped, it is killed; its children end by themselves.
pub(crate) struct Launcher {
    child: Child,
    data: PathBuf,
    /// What it printed until it was ready, without its last line.
    pub(crate) lines: Vec<String>,
    log: Option<JoinHandle<String>>,
}

impl Launcher {
    /// Starts on `data` with free ports.
    pub(crate) fn start(data: &Path) -> Self {
        Self::run(up(&program(), data, &FREE_PORTS), data)
    }

    /// Runs `command`, an `up` on `data`, until it is ready.
    pub(crate) fn run(mut command: Command, data: &Path) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the launcher starts");
        let printed = lines(child.stdout.take().expect("its output"));
        let log = read(child.stderr.take().expect("its log"));
        let mut launcher = Self { child, data: data.to_owned(), lines: Vec::new(), log: Some(log) };
        loop {
            match printed.recv_timeout(STEP_TIMEOUT) {
                Ok(line) if line == "ready" => return launcher,
                Ok(line) => launcher.lines.push(line),
                Err(problem) => {
                    let ended = problem == RecvTimeoutError::Disconnected;
                    let (_, log) = launcher.end(Signal::KILL);
                    panic!("not ready (ended: {ended}), its log:\n{log}");
                }
            }
        }
    }

    /// The words of the printed lines before their URLs.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.rsplit_once(' ').expect("words and a URL").0).collect()
    }

    /// The URL of the line that begins with `kind`.
    pub(crate) fn url(&self, kind: &str) -> &str {
        let line = self.lines.iter().find_map(|line| line.strip_prefix(kind)).expect("the line");
        line.trim_start()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process of the child named `name`.
    pub(crate) fn child(&self, name: &str) -> Option<u32> {
        let named =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.trim() == name);
        children(self.pid()).into_iter().find(named)
    }

    /// Whether all three accept connections.
    pub(crate) fn serves(&self) -> bool {
        let connects = |kind| {
            let address = self.url(kind).strip_prefix("http://").expect("a plain URL");
            TcpStream::connect(address).is_ok()
        };
        let socket = self.data.join("run/postgres/.s.PGSQL.5432");
        connects("site") && connects("tracker") && UnixStream::connect(socket).is_ok()
    }

    /// Sends `signal`; how it ended, and its log.
    pub(crate) fn end(&mut self, signal: Signal) -> (ExitStatus, String) {
        // After SIGKILL the children still hold the log open for a moment.
        let _ = kill_process(Pid::from_child(&self.child), signal);
        let status = self.child.wait().expect("it ends");
        let log = self.log.take().map(|it| it.join().expect("its log"));
        (status, log.unwrap_or_default())
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The folder can only be removed when nobody writes in it.
        wait_until("its children have ended", || processes_of(&self.data).is_empty());
    }
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn read(mut output: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        text
    })
}
