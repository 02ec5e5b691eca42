//! qBittorrent with a password, which it asks for on loopback, too, and a server that answers as qBittorrent 5.2 does.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use clients::{Added, Addition, Endpoint, Error, Qbittorrent, Remote};
use serde_json::json;
use tokio::process::Command;

use crate::behaviour::{addition, each_behaviour};
use crate::content::Content;
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

/// The cookie of a session from 5.2 on, which has the port in its name.
const COOKIE: &str = "QBT_SID_8080=abc";

/// A server that answers as qBittorrent 5.2 (Web API 2.14) does, by its `WebAPI_Changelog.md`.
struct Server {
    /// The status of its answer to `torrents/add`.
    add: StatusCode,
    /// The info hash of its torrent.
    hash: String,
    /// How many requests for the list are answered without the torrent.
    empty_lists: usize,
    /// Paths below the Web API and bodies of the requests that it received.
    requests: Mutex<Vec<(String, String)>>,
}

impl Server {
    fn new(content: &Content, add: StatusCode, empty_lists: usize) -> Self {
        Self { add, hash: content.info_hash.to_string(), empty_lists, requests: Mutex::default() }
    }

    /// Starts it, and returns a remote control with this password beside it.
    async fn start(self, password: &str) -> (Qbittorrent, Arc<Self>) {
        let server = Arc::new(self);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (remote(&url, "me", password), server)
    }

    /// The bodies of the requests with this path.
    fn received(&self, path: &str) -> Vec<String> {
        let requests = self.requests.lock().expect("the requests");
        requests.iter().filter(|(other, _)| other == path).map(|(_, body)| body.clone()).collect()
    }

    fn list(&self) -> Response {
        let torrent = json!({
            "hash": self.hash, "infohash_v1": self.hash, "infohash_v2": "", "name": "film", "state": "stoppedUP",
            "size": 5, "completed": 5, "amount_left": 0, "save_path": "/data", "content_path": "/data/film",
            "category": "",
        });
        let is_listed = self.received("torrents/info").len() > self.empty_lists;
        axum::Json(if is_listed { vec![torrent] } else { Vec::new() }).into_response()
    }
}

async fn answer(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches("/api/v2/");
    let body = String::from_utf8_lossy(&body).into_owned();
    if path == "auth/login" {
        let is_right = body == "username=me&password=open+sesame";
        server.requests.lock().expect("the requests").push((path.to_owned(), body));
        if !is_right {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let cookie = format!("{COOKIE}; HttpOnly; SameSite=Strict; path=/");
        return (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response();
    }
    if headers.get(header::COOKIE).is_none_or(|cookie| cookie != COOKIE) {
        return StatusCode::FORBIDDEN.into_response();
    }
    server.requests.lock().expect("the requests").push((path.to_owned(), body));
    match path {
        "app/version" => "v5.2.0".into_response(),
        "torrents/info" => server.list(),
        "torrents/add" => {
            let count = |status: StatusCode| usize::from(server.add == status);
            let counts = json!({
                "success_count": count(StatusCode::OK), "pending_count": count(StatusCode::ACCEPTED),
                "failure_count": count(StatusCode::CONFLICT), "added_torrent_ids": [],
            });
            (server.add, axum::Json(counts)).into_response()
        }
        "torrents/start" | "torrents/stop" => StatusCode::OK.into_response(),
        // Among them `torrents/resume` and `torrents/pause` of 4.x.
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn a_login_of_5_2_has_no_body_and_another_cookie() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let (remote, server) = Server::new(&content, StatusCode::OK, 0).start("open sesame").await;
    assert_eq!(remote.version().await.expect("a version"), "5.2.0");
    assert!(remote.find(&content.info_hash).await.expect("an answer").is_some());
    assert_eq!(server.received("auth/login").len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_status_401_of_5_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let (remote, server) = Server::new(&content, StatusCode::OK, 0).start("wrong").await;
    let error = remote.version().await.expect_err("refused");
    assert!(matches!(error, Error::Unauthorized), "{error}");
    assert_eq!(server.received("auth/login").len(), 1);
}

#[tokio::test]
async fn torrents_of_5_x_are_started_and_stopped_not_resumed_and_paused() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let (remote, server) = Server::new(&content, StatusCode::OK, 0).start("open sesame").await;
    let error = remote.post("torrents/resume", &[("hashes", "all")]).await.expect_err("not there");
    assert!(matches!(error, Error::Status(404)), "{error}");
    remote.start(&content.info_hash).await.expect("started");
    remote.stop(&content.info_hash).await.expect("stopped");
    let hashes = format!("hashes={}", content.info_hash);
    assert_eq!(server.received("torrents/start"), [hashes.as_str()]);
    assert_eq!(server.received("torrents/stop"), [hashes.as_str()]);
}

/// The torrent is listed when the list is read again after the answer. Each look for it reads two lists: one by its
/// hash, and the whole.
#[tokio::test]
async fn a_torrent_that_is_pending_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let (remote, server) = Server::new(&content, StatusCode::ACCEPTED, 4).start("open sesame").await;
    let addition = Addition { paused: true, ..addition(&content, folder.path()) };
    assert_eq!(remote.add(&addition).await.expect("added"), Added::New);
    assert_eq!(server.received("torrents/info").len(), 5);
    let forms = server.received("torrents/add");
    assert!(forms.len() == 1 && forms[0].contains("name=\"stopped\"\r\n\r\ntrue\r\n"), "{forms:?}");
}

/// Somebody else adds the torrent between the look for it and `torrents/add`.
#[tokio::test]
async fn a_conflict_about_a_listed_torrent_is_a_known_torrent() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let (remote, _) = Server::new(&content, StatusCode::CONFLICT, 2).start("open sesame").await;
    assert_eq!(remote.add(&addition(&content, folder.path())).await.expect("known"), Added::Known);
}

#[tokio::test]
async fn a_conflict_about_a_torrent_that_is_not_listed_is_a_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let (remote, _) = Server::new(&content, StatusCode::CONFLICT, usize::MAX).start("open sesame").await;
    let error = remote.add(&addition(&content, folder.path())).await.expect_err("refused");
    assert!(matches!(error, Error::Refused(_)), "{error}");
}
