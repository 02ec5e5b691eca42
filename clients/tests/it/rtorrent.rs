//! rtorrent by a unix socket, by a port, and behind a web server that asks for a password.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clients::{Added, Addition, Endpoint, Error, Remote, Rtorrent};
use data_encoding::BASE64;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::behaviour::{self, addition, each_behaviour};
use crate::content::{Content, text};
use crate::program::{Running, free_port};

/// A running rtorrent that listens on a unix socket.
struct Daemon {
    running: Running,
    remote: Rtorrent,
    socket: PathBuf,
}

impl Daemon {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("rpc.sock");
        let mut running = run(folder, &format!("network.scgi.open_local = {}", text(&socket)));
        let remote = remote(&format!("scgi://{}", text(&socket)));
        running.version(&remote).await;
        Self { running, remote, socket }
    }
}

fn run(folder: tempfile::TempDir, listen: &str) -> Running {
    let port = free_port();
    let mut text = format!("system.daemon.set = true\n{listen}\n");
    let _ = writeln!(text, "network.bind_address.set = 127.0.0.1\nnetwork.port_range.set = {port}-{port}");
    let _ = writeln!(text, "dht.mode.set = disable\nprotocol.pex.set = no\nsystem.umask.set = 0022");
    fs::write(folder.path().join("rtorrent.rc"), text).expect("a configuration");
    let mut command = Command::new("rtorrent");
    command.args(["-n", "-o", "import=rtorrent.rc"]);
    Running::start(folder, &mut command)
}

fn remote(url: &str) -> Rtorrent {
    Rtorrent::new(Endpoint::new(url, "", "").expect("an endpoint")).expect("a remote control")
}

each_behaviour!();

#[tokio::test]
async fn a_file_that_is_not_the_torrent_s_stays_when_the_rest_is_deleted() {
    let daemon = Daemon::start().await;
    let folder = daemon.running.downloads();
    let content = Content::folder(&folder, "films");
    fs::write(content.path.join("notes"), "mine").expect("a file");
    daemon.remote.add(&addition(&content, &folder)).await.expect("added");
    daemon.remote.remove(&content.info_hash, true).await.expect("removed");
    assert!(content.path.join("notes").exists());
    assert!(!content.path.join("first").exists() && !content.path.join("inner").exists());
}

/// The torrent is larger than the 512 KiB that rtorrent takes as a request by default.
#[tokio::test]
async fn a_large_torrent_is_taken() {
    let daemon = Daemon::start().await;
    let folder = daemon.running.downloads();
    let content = Content::nowhere(&folder, "large", 40_000);
    assert!(content.metainfo.len() > 700_000);
    let addition = Addition { paused: true, ..addition(&content, &folder) };
    assert_eq!(daemon.remote.add(&addition).await.expect("added"), Added::New);
}

#[tokio::test]
async fn a_port_is_as_good_as_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut running = run(folder, &format!("network.scgi.open_port = 127.0.0.1:{port}"));
    let remote = remote(&format!("scgi://127.0.0.1:{port}"));
    let version = running.version(&remote).await;
    assert!(version.starts_with("0."), "{version}");
}

#[tokio::test]
async fn a_command_that_fails_is_named_with_its_fault() {
    let daemon = Daemon::start().await;
    let error = daemon.remote.start(&[7; 20].into()).await.expect_err("no such torrent").to_string();
    assert!(error.contains("d.start"), "{error}");
}

#[test]
fn scgi_takes_no_password() {
    let endpoint = Endpoint::new("scgi:///run/rtorrent.sock", "me", "secret").expect("an endpoint");
    assert!(matches!(Rtorrent::new(endpoint), Err(Error::Url(_))));
}

/// Passes a request on to `socket` by SCGI, as a web server does, where its user is `me` with the password `open
/// sesame`.
async fn pass_on(State(socket): State<PathBuf>, headers: HeaderMap, body: Bytes) -> Response {
    let wanted = format!("Basic {}", BASE64.encode(b"me:open sesame"));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| *given != *wanted) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut stream = UnixStream::connect(socket).await.expect("rtorrent listens");
    let head = format!("CONTENT_LENGTH\0{}\0SCGI\x001\0", body.len());
    stream.write_all(format!("{}:{head},", head.len()).as_bytes()).await.expect("sent");
    stream.write_all(&body).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, answer) = answer.split_once("\r\n\r\n").expect("headers");
    answer.to_owned().into_response()
}

/// Starts a web server in front of an rtorrent, and returns the URL of its RPC.
async fn web_server(daemon: &Daemon) -> String {
    let router = Router::new().route("/seedbox/RPC2", post(pass_on)).with_state(daemon.socket.clone());
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let url = format!("http://{}/seedbox/RPC2", listener.local_addr().expect("its address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_web_server_s_password_is_given() {
    let daemon = Daemon::start().await;
    let url = web_server(&daemon).await;
    let endpoint = Endpoint::new(&url, "me", "open sesame").expect("an endpoint");
    let remote = Rtorrent::new(endpoint).expect("a remote control");
    behaviour::a_file_is_found_with_its_folder_and_label(&remote, &daemon.running.downloads()).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let daemon = Daemon::start().await;
    let url = web_server(&daemon).await;
    for (user, password) in [("me", "wrong"), ("", "")] {
        let endpoint = Endpoint::new(&url, user, password).expect("an endpoint");
        let remote = Rtorrent::new(endpoint).expect("a remote control");
        let error = remote.version().await.expect_err("refused");
        assert!(matches!(error, Error::Unauthorized), "{error}");
    }
}
