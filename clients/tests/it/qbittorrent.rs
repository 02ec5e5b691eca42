//! qBittorrent with a password, which it asks for on loopback, too.

use std::fs;
use std::path::Path;

use clients::{Endpoint, Error, Qbittorrent, Remote};
use tokio::process::Command;

use crate::behaviour::each_behaviour;
use crate::program::{Running, free_port, until};

/// "open sesame" with the salt "0123456789abcdef": PBKDF2 with SHA-512, 100,000 rounds, 64 bytes.
const PASSWORD: &str = "@ByteArray(MDEyMzQ1Njc4OWFiY2RlZg==:\
    at7EQ8lQPR/zRYy3AUV+OP01+cUrcWHvL5fc/mcMJNyu5Ab2h820LCbhwpmIn6x5/SHE3FP1yUs0ugA6rFEq9w==)";

/// A running qBittorrent, and a remote control that knows its password.
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
    until("it locks our address out", async || matches!(stranger.version().await, Err(Error::Forbidden(_))))
        .await;
}

#[tokio::test]
async fn a_session_that_has_ended_is_opened_anew() {
    let mut daemon = Daemon::start().await;
    let folder = daemon.running.downloads();
    let profile = folder.parent().expect("its folder");
    daemon.running.restart(&mut command(profile)).await;
    // Waits until qBittorrent listens again; its answers then tell the remote control to sign in anew.
    daemon.running.version(&daemon.remote).await;
    assert_eq!(daemon.remote.torrents().await.expect("a list"), []);
}

each_behaviour!();
