//! The demonstration as a whole: in its own check, and steered from another terminal.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn program() -> Command {
    let programs = std::env::var_os("FAIRYWREN_TEST_PROGRAMS");
    let programs = PathBuf::from(programs.expect("FAIRYWREN_TEST_PROGRAMS names the folder of the programs"));
    Command::new(programs.join("swarm"))
}

fn swarm(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("swarm runs")
}

/// A demonstration of a seeder and a leecher with one torrent, "film.bin".
struct Demonstration {
    process: Child,
    folder: tempfile::TempDir,
}

impl Demonstration {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // PostgreSQL is another user where we are root.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), passable).expect("a folder");
        let sources = folder.path().join("sources");
        std::fs::create_dir(&sources).expect("a folder");
        std::fs::write(sources.join("film.bin"), vec![7; 3 << 20]).expect("a file");
        let process = program()
            .args(["demo", "--site=127.0.0.1:0", "--seeders=1", "--leechers=1", "--clients=libtorrent,aria2"])
            .arg("--sources")
            .arg(&sources)
            .arg("--data")
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .spawn();
        let mut demonstration = Self { process: process.expect("swarm runs"), folder };
        let output = demonstration.process.stdout.take().expect("its output");
        let ready = BufReader::new(output).lines().any(|line| line.is_ok_and(|line| line == "ready"));
        assert!(ready, "it ended early");
        demonstration
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn tell(&self, words: &[&str]) -> String {
        let data = self.data();
        let output = swarm(&[&["ctl", "--data", utf8(&data)], words].concat());
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Waits until the picture is such that `holds`.
    fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        loop {
            let picture = serde_json::from_str(&self.tell(&["show"])).expect("JSON");
            if holds(&picture) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(2), "waited in vain until {what}: {picture:#}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.process);
        if kill_process(pid, Signal::INT).is_ok() {
            let _ = self.process.wait();
        }
    }
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What a client, by its place, does with the one torrent.
fn activity(picture: &Value, client: u64) -> Option<(&str, bool)> {
    let holders = picture["torrents"][0]["holders"].as_array()?;
    let holder = holders.iter().find(|holder| holder["client"] == client)?;
    Some((holder["activity"].as_str()?, holder["origin"].as_bool()?))
}

#[test]
fn clients_take_the_roles_that_they_are_given() {
    let demonstration = Demonstration::start();
    demonstration.wait("both have it", |picture| {
        activity(picture, 0) == Some(("seeding", true)) && activity(picture, 1) == Some(("seeding", false))
    });
    assert!(demonstration.tell(&["throttle", "aria2-2", "64"]).contains("64 KiB/s"));
    demonstration.wait("the limit is shown", |picture| picture["clients"][1]["rate"] == 64);
    demonstration.tell(&["leech", "aria2-2", "film.bin"]);
    demonstration.wait("it begins anew", |picture| activity(picture, 1) == Some(("leeching", false)));
    demonstration.tell(&["throttle", "aria2-2"]);
    demonstration.wait("it has it again", |picture| activity(picture, 1) == Some(("seeding", false)));
    demonstration.tell(&["seed", "aria2-2", "film.bin"]);
    demonstration.wait("it was given it", |picture| activity(picture, 1) == Some(("seeding", true)));
    assert!(demonstration.tell(&["add", "libtorrent"]).contains("libtorrent-3"));
    demonstration.wait("the third has it", |picture| activity(picture, 2) == Some(("seeding", false)));
    demonstration.tell(&["stop", "libtorrent-3"]);
    demonstration.wait("it has stopped", |picture| picture["clients"][2]["state"] == "stopped");
    demonstration.wait("the tracker knows", |picture| picture["torrents"][0]["tracker"][0] == 2);
}

#[test]
fn a_small_swarm_reaches_its_figures() {
    let output = swarm(&["check", "--seeders=2", "--leechers=3"]);
    let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{log}");
}

#[test]
fn nobody_to_steer_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = swarm(&["ctl", "--data", folder.path().to_str().expect("UTF-8"), "stop", "rtorrent-1"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("start `swarm demo` first"), "{said}");
}

#[test]
fn a_folder_with_something_else_in_it_is_not_emptied() {
    let folder = tempfile::tempdir().expect("a folder");
    let precious = folder.path().join("precious");
    std::fs::write(&precious, b"1").expect("a file");
    let data = folder.path().to_str().expect("UTF-8");
    let output = swarm(&["demo", "--data", data, "--site", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(precious.exists());
}
