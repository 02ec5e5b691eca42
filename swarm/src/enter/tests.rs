//! Real processes and namespaces: this test program starts itself.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command};
use std::time::{Duration, Instant};
use std::{env, fs};

use infra::shutdown::Shutdown;
use rustix::process::{geteuid, kill_process};

use super::*;
use crate::network::{Families, Network};

/// Set in a process that runs one test alone, in namespaces of its own.
const ALONE: &str = "SWARM_TEST_ALONE";

/// Set in the processes of a [`Probe`]: what it does, and its own mark.
const PROBE: &str = "SWARM_TEST_PROBE";

/// Where a [`Probe`] writes down that it stopped by itself.
const STOPPED: &str = "SWARM_TEST_STOPPED";

/// Who runs a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Who runs the tests.
    Myself,
    /// An ordinary user.
    Ordinary,
}

impl Who {
    /// An ordinary user, where the kernel lets those have namespaces: in a chroot, for example, it does not.
    pub(crate) fn ordinary() -> Self {
        let mut trial = Program::of(Self::Ordinary).command("unshare");
        if trial.args(["--user", "--map-current-user", "true"]).status().is_ok_and(|status| status.success())
        {
            return Self::Ordinary;
        }
        eprintln!("ordinary users may not make namespaces here: tried as who runs the tests instead");
        Self::Myself
    }
}

/// This program, to be run by `who`.
struct Program {
    file: PathBuf,
    drops_root: bool,
    /// Everybody may write there.
    folder: tempfile::TempDir,
}

impl Program {
    fn of(who: Who) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let file = env::current_exe().unwrap();
        if who == Who::Myself || !geteuid().is_root() {
            return Self { file, drops_root: false, folder };
        }
        // Others than root may not reach the original.
        let copy = folder.path().join("tests");
        fs::copy(file, &copy).unwrap();
        Self { file: copy, drops_root: true, folder }
    }

    fn is_root(&self) -> bool {
        geteuid().is_root() && !self.drops_root
    }

    /// `program`, which is this one as a rule.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        if !self.drops_root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(program)
            .current_dir("/");
        command
    }
}

/// Runs `body` in namespaces of its own, by `who`, ignoring Ctrl-C: the caller is the test of that full name.
pub(crate) fn alone(test: &str, who: Who, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let program = Program::of(who);
    // As the shell starts what runs in the background: nothing of it hears Ctrl-C, unless it wants to.
    let output = program
        .command("env")
        .args(["--ignore-signal=INT", "unshare"])
        .args(allowed::arguments(program.is_root()))
        .arg("--")
        .arg(&program.file)
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(5), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// No test, but the program that the others start: networks with a process in each, until it is told to stop.
#[test]
fn probe() {
    let Some(kind) = env::var(PROBE).ok().and_then(|value| Some(value.split_once(' ')?.0.to_owned())) else {
        return;
    };
    let site = (kind == "site").then(|| "127.0.0.1:0".parse().unwrap());
    inside(site, || {
        let network = Network::make(Families::Both)?;
        for number in 2..5 {
            let network = network.clone();
            let (ready, joined) = std::sync::mpsc::channel();
            thread::spawn(move || {
                let _port = network.join(number).unwrap();
                let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
                println!("{}", fs::read_link("/proc/thread-self/ns/net").unwrap().display());
                ready.send(()).unwrap();
                child.wait().unwrap();
            });
            joined.recv()?;
        }
        if kind == "site" {
            let site = site_socket()?;
            println!("{}\nready", site.local_addr()?);
            return Ok(site.accept()?.0.write_all(b"hello")?);
        }
        if kind == "deaf" {
            println!("ready");
            loop {
                thread::park();
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let shutdown = Shutdown::default();
            let signalled = tokio::spawn({
                let shutdown = shutdown.clone();
                async move { shutdown.signalled().await }
            });
            tokio::task::yield_now().await;
            println!("ready");
            signalled.await??;
            println!("stopped");
            if kind == "stubborn" {
                std::future::pending::<()>().await;
            }
            Ok(fs::write(env::var_os(STOPPED).unwrap_or_default(), "stopped")?)
        })
    })
    .unwrap();
}

/// A process that runs [`probe`], and what it said until it was ready.
struct Probe {
    process: Child,
    output: BufReader<ChildStdout>,
    mark: String,
    said: Vec<String>,
    program: Program,
}

impl Probe {
    fn start(kind: &str, who: Who) -> Self {
        let program = Program::of(who);
        let mark = format!("{kind} {:016x}", fastrand::u64(..));
        let mut process = program
            .command(&program.file)
            .args(["--exact", "enter::tests::probe", "--nocapture"])
            .env(PROBE, &mark)
            .env(STOPPED, program.folder.path().join("stopped"))
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = Vec::new();
        while said.last().is_none_or(|line| line != "ready") {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended early, after {said:?}");
            said.push(line.trim_end().to_owned());
        }
        Self { process, output, mark, said, program }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// The processes of it that there are, whatever their parents.
    fn processes(&self) -> Vec<PathBuf> {
        let mark = format!("{PROBE}={}", self.mark);
        let is_of_it = |process: &PathBuf| {
            let variables = fs::read(process.join("environ")).unwrap_or_default();
            variables.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        processes().filter(is_of_it).collect()
    }

    /// Its networks that somebody is in.
    fn networks(&self) -> Vec<String> {
        let used: HashSet<String> = processes()
            .filter_map(|process| fs::read_dir(process.join("task")).ok())
            .flatten()
            .flatten()
            .filter_map(|thread| fs::read_link(thread.path().join("ns/net")).ok())
            .map(|link| link.display().to_string())
            .collect();
        self.said.iter().filter(|line| used.contains(*line)).cloned().collect()
    }

    /// Waits for its end and checks that nothing is left.
    fn check_end(mut self) -> Ending {
        let status = self.process.wait().unwrap();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        until("no process is left", || self.processes().is_empty());
        until("no network is left", || self.networks().is_empty());
        let stopped = self.program.folder.path().join("stopped").exists();
        Ending { status, rest, stopped }
    }
}

/// How a probe ended.
#[derive(Debug)]
struct Ending {
    status: ExitStatus,
    /// What it said after it was ready.
    rest: String,
    /// Whether it did so by itself.
    stopped: bool,
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Ends a probe in all ways that must leave nothing behind.
fn check_ends(who: Who) {
    let probe = Probe::start("polite", who);
    assert_eq!(probe.networks().len(), 3, "{:?}", probe.said);
    // Itself, `unshare`, the inner one and three children.
    assert_eq!(probe.processes().len(), 6);
    kill_process_group(probe.pid(), Signal::INT).unwrap();
    let end = probe.check_end();
    assert!(end.status.success() && end.stopped, "{end:?}");
    assert!(end.rest.contains("stopped"), "what it says at its end is read still: {end:?}");

    let probe = Probe::start("polite", who);
    kill_process(probe.pid(), Signal::TERM).unwrap();
    let end = probe.check_end();
    assert!(end.status.success() && end.stopped, "{end:?}");

    let probe = Probe::start("polite", who);
    kill_process(probe.pid(), Signal::KILL).unwrap();
    let end = probe.check_end();
    assert!(end.stopped, "nobody reads what it says, and it stops by itself: {end:?}");
}

#[test]
fn nothing_is_left_after_ctrl_c_a_signal_or_a_kill() {
    check_ends(Who::Myself);
}

#[test]
fn nothing_is_left_of_an_ordinary_user() {
    check_ends(Who::ordinary());
}

#[test]
fn a_task_that_hears_no_signals_is_ended() {
    let probe = Probe::start("deaf", Who::Myself);
    kill_process(probe.pid(), Signal::TERM).unwrap();
    let end = probe.check_end();
    assert_eq!(end.status.code(), Some(128 + Signal::TERM.as_raw()), "{end:?}");
}

#[test]
fn a_second_signal_kills_what_does_not_stop() {
    let mut probe = Probe::start("stubborn", Who::Myself);
    kill_process(probe.pid(), Signal::TERM).unwrap();
    let mut line = String::new();
    probe.output.read_line(&mut line).unwrap();
    assert_eq!(line, "stopped\n");
    kill_process(probe.pid(), Signal::INT).unwrap();
    let end = probe.check_end();
    assert_eq!(end.status.code(), Some(128 + Signal::KILL.as_raw()), "{end:?}");
}

#[test]
fn the_hosts_socket_is_served_from_inside() {
    let probe = Probe::start("site", Who::ordinary());
    let address = probe.said.iter().rev().nth(1).unwrap();
    let mut answer = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "hello");
    let end = probe.check_end();
    assert!(end.status.success(), "the task's exit status is handed on: {end:?}");
}
