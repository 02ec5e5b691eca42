//! The disk that holds everything is full for a while.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use infra::testing::eventually;
use rustix::process::geteuid;
use serde_json::json;

use super::figures::{Figures, cycles, is_long, rate};
use super::installation::Installation;
use super::load::{ConnectionUse, Load, announce_once};
use crate::launcher::folder;

/// Room for a database without much in it.
const SIZE: &str = "size=200m,mode=711";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_no_announce_and_writes_return_with_room() {
    if !private_mount().arg("true").status().is_ok_and(|it| it.success()) {
        let why = "a full disk is not tested: this system allows neither root nor others to mount one";
        // As in a chroot, where the tests at large have to pass; not where figures are made.
        assert!(!is_long(), "{why}");
        println!("{why}");
        return;
    }
    let folder = folder();
    let disk = folder.path().join("data");
    fs::create_dir(&disk).expect("a folder");
    let mount = format!("mount -t tmpfs -o {SIZE} tmpfs '{}' && exec \"$0\" \"$@\"", disk.display());
    let site = Installation::start_in(folder, &json!({}), |command| {
        let mut mounted = private_mount();
        mounted.args(["sh", "-c"]).arg(mount).arg(command.get_program()).args(command.get_args());
        mounted
    });
    let browser = site.administrator().await;
    let rate = rate(300, 1000);
    let peers = site.populate(100, 50, 500).await;
    let first = announce_once(site.tracker, peers).await;
    let load = Load::start(site.tracker, first.peers, rate, 16, ConnectionUse::Kept);
    let disk = site.data();
    let mut figures = Figures::of("full disk");
    let mut acknowledged = Vec::new();
    for cycle in 0..cycles(1, 5) {
        let filler = disk.join("filler");
        fill(&filler);
        let mut number = 0;
        eventually("nothing more can be written", async || {
            number += 1;
            let name = format!("upload {cycle} {number}");
            let status = browser.upload(&name).await;
            if status == 201 {
                acknowledged.push(name);
                fill(&filler);
            }
            status != 201
        })
        .await;
        load.made(rate as usize).await;
        fs::remove_file(&filler).expect("the filler");
        let begun = Instant::now();
        let name = format!("afterwards {cycle}");
        eventually("uploads succeed again", async || matches!(browser.upload(&name).await, 201 | 409)).await;
        acknowledged.push(name);
        figures.time("uploads, back after there is room", begun.elapsed(), Duration::from_secs(2));
    }
    let tally = load.finish().await;
    figures.load(&tally, Some(Duration::from_millis(10)));
    tally.expect_all_answered();
    assert_eq!(tally.repeated, 0, "no connection ended");
    let owner = site.owner().await.expect("the database");
    let titles = owner.query("select title from torrents", &[]).await.expect("rows");
    let titles: Vec<String> = titles.iter().map(|row| row.get(0)).collect();
    assert!(acknowledged.iter().all(|it| titles.contains(it)), "{acknowledged:?} {titles:?}");
    figures.finish();
}

/// Runs what follows where its mounts are its own and end with it.
fn private_mount() -> Command {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !geteuid().is_root() {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    command
}

/// Makes `file` as large as the disk allows.
fn fill(file: &Path) {
    let mut file = File::options().create(true).append(true).open(file).expect("a file");
    let mut size = 1 << 20;
    while size > 0 {
        match file.write(&vec![0; size]) {
            Ok(count @ 1..) => size = size.min(count),
            _ => size /= 2,
        }
    }
}
