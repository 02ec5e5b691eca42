//! qBittorrent with a password that loopback has to give, too.

use std::fs;
use std::path::Path;

use clients::{Endpoint, Error, Qbittorrent, Remote};
use tokio::process::Command;

use crate::behaviour;
use crate::program::{Running, free_port};

/// "open sesame" with the salt "0123456789abcdef": PBKDF2 with SHA-512, 100,000 rounds, 64 bytes.
const PASSWORD: &str = "@ByteArray(MDEyMzQ1Njc4OWFiY2RlZg==:\
    at7EQ8lQPR/zRYy3AUV+OP01+cUrcWHvL5fc/mcMJNyu5Ab2h820LCbhwpmIn6x5/SHE3FP1yUs0ugA6rFEq9w==)";

/// The program, and who may sign in there.
struct Daemon {
    running: Running,
    remote: Qbittorrent,
    url: String,
}

impl Daemon {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, peer_port) = (free_port(), free_port());
        let configuration = folder.path().join("qBittorrent/config");
        fs::create_dir_all(&configuration).expect("a folder");
        let text = format!(
            "[LegalNotice]\nAccepted=true\n\n[Meta]\nMigrationVersion=4\n\n[Network]\nPortForwardingEnabled=false\n\n\
             [BitTorrent]\nSession\\InterfaceAddress=127.0.0.1\nSession\\Port={peer_port}\nSession\\DHTEnabled=false\n\
             Session\\PeXEnabled=false\nSession\\LSDEnabled=false\nSession\\QueueingSystemEnabled=false\n\n\
             [Preferences]\nConnection\\ResolvePeerCountries=false\nWebUI\\Enabled=true\nWebUI\\Address=127.0.0.1\n\
             WebUI\\Port={port}\nWebUI\\LocalHostAuth=true\nWebUI\\Username=me\nWebUI\\Password_PBKDF2=\"{PASSWORD}\"\n\
             WebUI\\UseUPnP=false\n"
        );
        fs::write(configuration.join("qBittorrent.conf"), text).expect("a configuration");
        let mut command = command(folder.path());
        let mut running = Running::start(folder, &mut command);
        let url = format!("http://127.0.0.1:{port}");
        let remote = remote(&url, "me", "open sesame");
        running.version(&remote).await;
        Self { running, remote, url }
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("qbittorrent-nox");
    command.arg(format!("--profile={}", folder.display())).env("TMPDIR", folder);
    command
}

fn remote(url: &str, user: &str, password: &str) -> Qbittorrent {
    Qbittorrent::new(Endpoint::new(url, user, password).expect("an endpoint")).expect("a remote control")
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let daemon = Daemon::start().await;
    for (user, password) in [("me", "wrong"), ("", ""), ("", "an API key")] {
        let error = remote(&daemon.url, user, password).version().await.expect_err("refused");
        assert!(matches!(error, Error::Unauthorized), "{error}");
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_are_told_apart_from_one() {
    let daemon = Daemon::start().await;
    let stranger = remote(&daemon.url, "me", "wrong");
    crate::program::until("it locks our address out", async || {
        matches!(stranger.version().await, Err(Error::Forbidden(_)))
    })
    .await;
}

#[tokio::test]
async fn a_session_that_has_ended_is_opened_anew() {
    let mut daemon = Daemon::start().await;
    let folder = daemon.running.downloads();
    let profile = folder.parent().expect("its folder");
    daemon.running.restart(&mut command(profile)).await;
    // Until it listens, nothing but that is wrong.
    daemon.running.version(&daemon.remote).await;
    assert_eq!(daemon.remote.torrents().await.expect("a list"), []);
}

#[tokio::test]
async fn a_file_is_found_with_its_folder_and_label() {
    let daemon = Daemon::start().await;
    behaviour::a_file_is_found_with_its_folder_and_label(&daemon.remote, &daemon.running.downloads()).await;
}

#[tokio::test]
async fn the_path_of_a_folder_is_the_folder() {
    let daemon = Daemon::start().await;
    behaviour::the_path_of_a_folder_is_the_folder(&daemon.remote, &daemon.running.downloads()).await;
}

#[tokio::test]
async fn a_torrent_that_is_known_is_no_error() {
    let daemon = Daemon::start().await;
    behaviour::a_torrent_that_is_known_is_no_error(&daemon.remote, &daemon.running.downloads()).await;
}

#[tokio::test]
async fn a_paused_torrent_waits_until_it_is_started() {
    let daemon = Daemon::start().await;
    behaviour::a_paused_torrent_waits_until_it_is_started(&daemon.remote, &daemon.running.downloads()).await;
}

#[tokio::test]
async fn files_are_deleted_only_when_that_is_asked_for() {
    let daemon = Daemon::start().await;
    behaviour::files_are_deleted_only_when_that_is_asked_for(&daemon.remote, &daemon.running.downloads())
        .await;
}
