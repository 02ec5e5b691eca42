//! The demonstration as a whole: in its own check, and steered from another terminal.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
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
    /// What it said on standard error.
    said: Arc<Mutex<String>>,
}

impl Demonstration {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // PostgreSQL is another user where we are root.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        fs::set_permissions(folder.path(), passable).expect("a folder");
        let sources = folder.path().join("sources");
        fs::create_dir(&sources).expect("a folder");
        fs::write(sources.join("film.bin"), vec![7; 3 << 20]).expect("a file");
        let process = program()
            .args(["demo", "--site=127.0.0.1:0", "--seeders=1", "--leechers=1", "--clients=libtorrent,aria2"])
            .arg("--sources")
            .arg(&sources)
            .arg("--data")
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut demonstration = Self { process: process.expect("swarm runs"), folder, said: Arc::default() };
        let (log, said) = (demonstration.process.stderr.take(), Arc::clone(&demonstration.said));
        thread::spawn(move || {
            for line in BufReader::new(log.expect("its log")).lines().map_while(Result::ok) {
                eprintln!("{line}");
                said.lock().expect("the log").extend([&line, "\n"]);
            }
        });
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

    fn source(&self, name: &str) -> PathBuf {
        self.folder.path().join("sources").join(name)
    }

    /// A program that runs in it.
    fn descendant(&self, name: &str) -> Pid {
        let processes: Vec<(i32, i32, String)> = fs::read_dir("/proc")
            .expect("processes")
            .filter_map(|entry| {
                let number = entry.ok()?.file_name().into_string().ok()?.parse().ok()?;
                let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
                let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
                Some((number, rest.split_whitespace().nth(1)?.parse().ok()?, name.to_owned()))
            })
            .collect();
        let mut family = vec![i32::try_from(self.process.id()).expect("a number")];
        let mut at = 0;
        while let Some(&parent) = family.get(at) {
            family.extend(processes.iter().filter(|it| it.1 == parent).map(|it| it.0));
            at += 1;
        }
        let found = processes.iter().find(|it| it.2 == name && family.contains(&it.0));
        Pid::from_raw(found.expect(name).0).expect("a number")
    }

    /// How often it said so.
    fn said(&self, words: &str) -> usize {
        self.said.lock().expect("the log").matches(words).count()
    }

    fn wait_for_words(&self, words: &str) {
        self.wait(words, |_| self.said(words) > 0);
    }

    /// Torrents that a client, by its name, has files of.
    fn downloads(&self, client: &str) -> usize {
        let folder = self.data().join("clients").join(client).join("downloads");
        fs::read_dir(folder).expect("its downloads").count()
    }

    /// Waits until the picture is such that `holds`.
    fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        loop {
            let picture = serde_json::from_str(&self.tell(&["show"])).expect("JSON");
            if holds(&picture) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_mins(10), "waited in vain until {what}: {picture:#}");
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
    activity_of(&picture["torrents"][0], client)
}

/// What a client, by its place, does with a torrent.
fn activity_of(torrent: &Value, client: u64) -> Option<(&str, bool)> {
    let holders = torrent["holders"].as_array()?;
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

/// The torrent of that title.
fn torrent<'a>(picture: &'a Value, title: &str) -> Option<&'a Value> {
    picture["torrents"].as_array()?.iter().find(|it| it["title"] == title)
}

/// Whether a client, by its place, has all of a torrent.
fn has(picture: &Value, client: u64, title: &str) -> bool {
    torrent(picture, title)
        .and_then(|it| activity_of(it, client))
        .is_some_and(|(activity, _)| activity == "seeding")
}

#[test]
fn orders_that_change_nothing_are_not_said_to_be_carried_out() {
    let demonstration = Demonstration::start();
    demonstration.wait("it runs", |picture| picture["clients"][1]["state"] == "running");
    let refused = |words: &[&str], reason: &str| {
        let data = demonstration.data();
        let output = swarm(&[&["ctl", "--data", utf8(&data)], words].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(reason), "{words:?}: {said}");
    };
    refused(&["start", "aria2-2"], "runs already");
    refused(&["restore", "aria2-2"], "has its network");
    refused(&["throttle", "aria2-2", "4294967295"], "1000000");
    refused(&["leech", "aria2-2", "no such film"], "there is no torrent");
    demonstration.tell(&["cut", "aria2-2"]);
    refused(&["cut", "aria2-2"], "cut off already");
    demonstration.tell(&["stop", "aria2-2"]);
    refused(&["stop", "aria2-2"], "has stopped already");
    refused(&["kill", "aria2-2"], "nothing to kill");
    assert!(demonstration.tell(&["start", "aria2-2"]).contains("aria2-2 starts"));
    demonstration.tell(&["restore", "aria2-2"]);

    demonstration.wait("it runs", |picture| picture["clients"][1]["state"] == "running");
    kill_process(demonstration.descendant("aria2c"), Signal::KILL).expect("killed");
    demonstration.wait_for_words("aria2-2 has ended by itself");
}

#[test]
fn what_is_no_file_in_a_source_holds_up_neither_other_sources_nor_control() {
    let demonstration = Demonstration::start();
    fs::create_dir(demonstration.source("folder")).expect("a folder");
    fs::write(demonstration.source("folder/file"), "x").expect("a file");
    // Whoever opens it waits for a writer.
    mknodat(CWD, demonstration.source("folder/pipe"), FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    fs::write(demonstration.source(".hidden"), "x").expect("a file");
    demonstration.wait("the folder is at both", |it| has(it, 0, "folder") && has(it, 1, "folder"));
    fs::write(demonstration.source("late"), "x").expect("a file");
    demonstration.wait("the file is at both", |it| has(it, 0, "late") && has(it, 1, "late"));
    assert_eq!(demonstration.said("folder/pipe is left out"), 1);
    assert_eq!(demonstration.said("“.hidden” is left out"), 1);
    fs::write(demonstration.source("late"), "another").expect("a file");
    demonstration.wait_for_words("“late” has changed");
    demonstration.wait("it is there again", |it| has(it, 0, "late") && has(it, 1, "late"));

    fs::remove_dir_all(demonstration.source("")).expect("removed");
    fs::write(demonstration.source("").with_file_name("sources"), "no folder").expect("a file");
    demonstration.wait_for_words("cannot read");
    fs::remove_file(demonstration.source("").with_file_name("sources")).expect("removed");
    demonstration.wait("all is gone", |picture| picture["torrents"] == serde_json::json!([]));
    assert_eq!(demonstration.said("cannot read"), 1, "it was looked at more than once meanwhile");
}

#[test]
fn a_client_that_hangs_holds_up_nobody_else_and_catches_up() {
    let demonstration = Demonstration::start();
    demonstration.wait("both have it", |it| has(it, 0, "film.bin") && has(it, 1, "film.bin"));
    let client = demonstration.descendant("aria2c");
    kill_process(client, Signal::STOP).expect("stopped");
    fs::write(demonstration.source("late"), "x").expect("a file");
    demonstration.wait("it is at the other", |it| has(it, 0, "late"));
    demonstration.tell(&["throttle", "libtorrent-1", "512"]);
    fs::write(demonstration.source("later"), "x").expect("a file");
    demonstration.wait("it is at the other", |it| has(it, 0, "later"));
    fs::remove_file(demonstration.source("late")).expect("removed");
    demonstration.wait("it has left", |it| torrent(it, "late").is_none());

    kill_process(client, Signal::CONT).expect("continued");
    demonstration.wait("it has what is there", |it| has(it, 1, "later"));
    demonstration.wait("it lacks what is not there", |_| demonstration.downloads("aria2-2") == 2);
}

#[test]
fn what_the_site_did_not_do_is_tried_again() {
    let demonstration = Demonstration::start();
    demonstration.wait("both have it", |it| has(it, 0, "film.bin") && has(it, 1, "film.bin"));
    let site = demonstration.descendant("webapi");
    kill_process(site, Signal::STOP).expect("stopped");
    fs::remove_file(demonstration.source("film.bin")).expect("removed");
    fs::write(demonstration.source("late"), "x").expect("a file");
    demonstration.wait_for_words("cannot delete torrent");
    demonstration.wait_for_words("cannot upload late");
    kill_process(site, Signal::CONT).expect("continued");
    demonstration.wait("late is at both", |it| has(it, 0, "late") && has(it, 1, "late"));
    demonstration.wait("film.bin is gone", |it| torrent(it, "film.bin").is_none());
    demonstration.wait("at all", |_| demonstration.downloads("aria2-2") == 1);
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let precious = folder.path().join("data/sources/precious");
    fs::create_dir_all(precious.parent().expect("a folder")).expect("a folder");
    fs::write(&precious, b"1").expect("a file");
    // As an earlier demonstration left it.
    fs::write(folder.path().join("data/swarm-demo"), b"").expect("a file");
    let (data, sources) = (folder.path().join("data"), folder.path().join("data/sources"));
    let refused = |arguments: &[&str], reason: &str| {
        let output = swarm(&[&["demo", "--site=localhost:0", "--data"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(reason), "{arguments:?}: {said}");
        assert!(precious.exists());
    };
    refused(&[utf8(&data), "--sources", utf8(&sources)], "is emptied at each start");
    refused(&[utf8(&data), "--sources", utf8(folder.path())], "would be shared");
    refused(&[utf8(&data), "--leechers=99"], "101 clients are too many");
    refused(&[utf8(&data), "--sources", utf8(&precious)], "--sources");
    refused(&[utf8(&precious)], "--data");
    refused(&[&format!("/tmp/{}", "x".repeat(120))], "too long");
    refused(&[utf8(&data), "--rate=4294967295"], "1000000");
}

#[test]
fn programs_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = program()
        .args(["demo", "--site=127.0.0.1:0", "--clients=libtorrent", "--data", utf8(folder.path())])
        .env("FAIRYWREN_TEST_PYTHON", "/usr/bin/false")
        .output();
    let output = output.expect("swarm runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("has no libtorrent"), "{said}");
}

#[test]
fn a_small_swarm_reaches_its_figures() {
    let output = swarm(&["check", "--seeders=2", "--leechers=3", "--slack=10"]);
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
    fs::write(&precious, b"1").expect("a file");
    let data = folder.path().to_str().expect("UTF-8");
    let output = swarm(&["demo", "--data", data, "--site", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(precious.exists());
}
