//! The demonstration as a whole, in its own check.

use std::path::PathBuf;
use std::process::{Command, Output};

fn swarm(arguments: &[&str]) -> Output {
    let programs = std::env::var_os("FAIRYWREN_TEST_PROGRAMS");
    let programs = PathBuf::from(programs.expect("FAIRYWREN_TEST_PROGRAMS names the folder of the programs"));
    Command::new(programs.join("swarm")).args(arguments).output().expect("swarm runs")
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
