//! Transmission with a password, and a server that answers as Transmission 4.1 does.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clients::{Activity, Added, Addition, Endpoint, Error, Remote, Transmission};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::behaviour::{addition, each_behaviour};
use crate::content::Content;
use crate::program::{Running, free_port, until};

/// A running transmission-daemon, and a remote control that knows its password.
struct Daemon {
    running: Running,
    remote: Transmission,
    url: String,
}

impl Daemon {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let settings = json!({
            "rpc-enabled": true, "rpc-bind-address": "127.0.0.1", "rpc-port": port, "rpc-url": "/bt/",
            "rpc-authentication-required": true, "rpc-username": "me", "rpc-password": "open sesame",
            "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
            "port-forwarding-enabled": false, "bind-address-ipv4": "127.0.0.1", "peer-port": free_port(),
        });
        fs::write(folder.path().join("settings.json"), settings.to_string()).expect("settings");
        let mut command = Command::new("transmission-daemon");
        command.args(["--foreground", "--config-dir"]).arg(folder.path());
        let mut running = Running::start(folder, &mut command);
        let url = format!("http://127.0.0.1:{port}/bt/rpc");
        let remote = remote(&url, "me", "open sesame");
        running.version(&remote).await;
        Self { running, remote, url }
    }
}

fn remote(url: &str, user: &str, password: &str) -> Transmission {
    Transmission::new(Endpoint::new(url, user, password).expect("an endpoint")).expect("a remote control")
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let daemon = Daemon::start().await;
    for (user, password) in [("me", "wrong"), ("", "")] {
        let error = remote(&daemon.url, user, password).version().await.expect_err("refused");
        assert!(matches!(error, Error::Unauthorized), "{error}");
    }
}

each_behaviour!();

#[tokio::test]
async fn a_known_torrent_is_looked_for_in_the_new_folder() {
    let daemon = Daemon::start().await;
    let folder = daemon.running.downloads();
    let content = Content::file(&folder.join("new"), "film");
    for place in [folder.join("old"), folder.join("new")] {
        daemon.remote.add(&addition(&content, &place)).await.expect("added");
    }
    until("it is complete", async || {
        let torrent = daemon.remote.find(&content.info_hash).await.expect("an answer");
        torrent.is_some_and(|torrent| torrent.is_finished())
    })
    .await;
}

/// The requests that the server of Transmission 4.1's dialect received.
type Requests = Arc<Mutex<Vec<Value>>>;

/// Answers as Transmission 4.1 does, by its `rpc-spec.md`.
async fn answer(State(requests): State<Requests>, headers: HeaderMap, body: String) -> Response {
    if headers.get("X-Transmission-Session-Id").is_none_or(|id| id != "abc") {
        let headers = [("X-Transmission-Session-Id", "abc"), ("X-Transmission-Rpc-Version", "6.0.0")];
        return (StatusCode::CONFLICT, headers).into_response();
    }
    let request: Value = serde_json::from_str(&body).expect("JSON");
    let result = match request["method"].as_str().expect("a method") {
        "session_get" => json!({ "version": "4.1.0 (abcdef)" }),
        "torrent_add" => json!({ "torrent_added": { "hash_string": "aa", "id": 1, "name": "film" } }),
        "torrent_get" => json!({ "torrents": [{
            "hash_string": "93a7394c92660a12a1244c6c26f8efd23617ecc6", "name": "film", "status": 6, "error": 0,
            "error_string": "", "size_when_done": 5, "have_valid": 5, "left_until_done": 0,
            "download_dir": "/data", "labels": ["wren"],
        }] }),
        "torrent_remove" => {
            let error = json!({ "code": 7, "message": "no", "data": { "error_string": "not today" } });
            return axum::Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error }))
                .into_response();
        }
        _ => json!({}),
    };
    let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
    requests.lock().expect("the requests").push(request);
    axum::Json(answer).into_response()
}

async fn new_dialect() -> (Transmission, Requests) {
    let requests = Requests::default();
    let router = Router::new().route("/transmission/rpc", post(answer)).with_state(Arc::clone(&requests));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
    let url = format!("http://{}/transmission/rpc", listener.local_addr().expect("its address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (remote(&url, "", ""), requests)
}

#[tokio::test]
async fn version_4_1_is_spoken_with_in_json_rpc() {
    let (remote, requests) = new_dialect().await;
    assert_eq!(remote.version().await.expect("a version"), "4.1.0");
    let folder = tempfile::tempdir().expect("a folder");
    let content = Content::file(folder.path(), "film");
    let addition =
        Addition { metainfo: &content.metainfo, folder: "/data", label: Some("wren"), paused: true };
    assert_eq!(remote.add(&addition).await.expect("added"), Added::New);
    let sent = requests.lock().expect("the requests").clone();
    assert_eq!((&sent[1]["jsonrpc"], &sent[1]["method"]), (&json!("2.0"), &json!("torrent_add")));
    assert_eq!(sent[1]["params"]["download_dir"], "/data");
    assert_eq!(sent[2]["params"]["labels"], json!(["wren"]));
}

#[tokio::test]
async fn torrents_of_version_4_1_are_read() {
    let (remote, _) = new_dialect().await;
    let torrents = remote.torrents().await.expect("a list");
    assert_eq!(torrents[0].path, "/data/film");
    assert_eq!((torrents[0].activity.clone(), torrents[0].label.as_str()), (Activity::Seeding, "wren"));
}

#[tokio::test]
async fn errors_of_version_4_1_are_in_its_words() {
    let (remote, _) = new_dialect().await;
    let error = remote.remove(&[7; 20].into(), false).await.expect_err("refused").to_string();
    assert!(error.contains("not today"), "{error}");
}
