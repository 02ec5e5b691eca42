//! A whole site under `fairywren up`, its members and torrents, and those who use it.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bt::InfoHash;
use bt::announce_key::{self, Binding};
use infra::config::Postgresql;
use infra::secrets::{Keys, Secret};
use infra::testing::{CONDITION_TIMEOUT, SALT};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::launcher::{FREE_PORTS, Launcher, folder, program, up};

const PASSWORD: &str = "correct horse";

/// The running programs and their folder.
pub(crate) struct Installation {
    pub(crate) launcher: Launcher,
    pub(crate) tracker: SocketAddr,
    pub(crate) url: String,
    /// The root of the file system as the programs see it.
    root: PathBuf,
    /// Last: the programs write in it until they have ended.
    pub(crate) folder: TempDir,
}

impl Installation {
    /// Starts a site with `settings` on top of what the launcher would write.
    pub(crate) fn start(settings: &Value) -> Self {
        Self::start_as(settings, |command| command)
    }

    /// Started by what `wrap` makes of the command.
    pub(crate) fn start_as(settings: &Value, wrap: impl FnOnce(Command) -> Command) -> Self {
        let folder = folder();
        Self::start_in(folder, settings, wrap)
    }

    /// Starts a site in `folder`, which is empty.
    pub(crate) fn start_in(folder: TempDir, settings: &Value, wrap: impl FnOnce(Command) -> Command) -> Self {
        let config = folder.path().join("mine.json");
        fs::write(&config, configuration(settings).to_string()).expect("written");
        let data = folder.path().join("data");
        let mut command = up(&program(), &data, &FREE_PORTS);
        command.arg("--config").arg(&config);
        let launcher = Launcher::run(wrap(command), &data);
        let url = launcher.url("site").to_owned();
        let tracker = launcher.url("tracker").strip_prefix("http://").expect("a plain URL");
        let tracker = tracker.parse().expect("an address");
        let root = PathBuf::from(format!("/proc/{}/root", launcher.pid()));
        Self { launcher, tracker, url, root, folder }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.seen(&self.folder.path().join("data"))
    }

    /// A path of the programs, from here.
    fn seen(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").expect("an absolute path"))
    }

    /// A connection of the database's owner.
    pub(crate) async fn owner(&self) -> anyhow::Result<tokio_postgres::Client> {
        let record = fs::read_to_string(self.data().join("postgres.json"))?;
        let record: Value = serde_json::from_str(&record)?;
        let run = Path::new(record["run"].as_str().expect("a folder"));
        let login = Postgresql {
            host: self.seen(&run.join("postgres")).display().to_string(),
            port: 5432,
            dbname: "fairywren".to_owned(),
            user: "fairywren".to_owned(),
            password: Secret::from(record["password"].as_str().expect("a password").to_owned()),
        };
        infra::db::connect(&login, "test").await
    }

    /// A number from the database.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let owner = self.owner().await.expect("the database");
        owner.query_one(sql, &[]).await.expect("a row").get(0)
    }

    /// Makes `members` and `torrents`, and one client for each of `peers`, spread over both.
    pub(crate) async fn populate(&self, members: u32, torrents: u32, peers: u32) -> Vec<Peer> {
        let owner = self.owner().await.expect("the database");
        let sql = format!(
            "insert into users (name, password_hash, key_nonce) select 'member' || it, 'x', '' from generate_series(1, {members}) it
             returning id"
        );
        let ids = owner.query(&sql, &[]).await.expect("members");
        let ids: Vec<i32> = ids.iter().map(|row| row.get("id")).collect();
        let sql = format!(
            "insert into torrents (info_hash_v1, title, size, file_count, search)
             select decode(lpad(to_hex(it), 40, '0'), 'hex'), 'Torrent ' || it, 1, 1, ''
             from generate_series(1, {torrents}) it"
        );
        owner.batch_execute(&sql).await.expect("torrents");
        let peer = |at: u32| Peer::new(at, ids[at as usize % ids.len()].cast_unsigned(), at % torrents + 1);
        (0..peers).map(peer).collect()
    }

    /// The first account's browser: an administrator.
    pub(crate) async fn administrator(&self) -> Browser {
        let link = self.launcher.url("first account");
        let secret = link.rsplit('/').next().expect("a secret");
        let mut browser = Browser::new(&self.url);
        let claimed = browser.claim(secret, "root").await.expect("an answer");
        assert_eq!(claimed.status(), StatusCode::CREATED);
        browser.sign_in("root").await;
        browser
    }

    /// Seeders and leechers of the torrent of `peer`, as the tracker tells it.
    pub(crate) async fn scrape(&self, peer: &Peer) -> Option<(u64, u64)> {
        let answer = Browser::new(&format!("http://{}", self.tracker)).get(&peer.scrape).await.ok()?;
        let answer = String::from_utf8_lossy(&answer.bytes().await.ok()?).into_owned();
        let number = |key: &str| answer.split_once(key)?.1.split_once('e')?.0.parse().ok();
        Some((number("8:completei")?, number("10:incompletei")?))
    }
}

/// What the tests need, with `settings` on top.
fn configuration(settings: &Value) -> Value {
    let mut value = json!({
        // Addresses that the options replace, and the URLs with them.
        "apiUrl": "http://127.0.0.1:8000",
        "trackerUrl": "http://127.0.0.1:8080",
        "salt": SALT,
        "webapi": {
            "listen": "127.0.0.1:8000",
            "secure": false,
            "signInAttempts": 100_000,
            "backendTimeoutSeconds": 30,
            "requestsPerMinute": 1_000_000,
            "uploadsPerDay": 1_000_000,
        },
        "tracker": {
            "listen": ["127.0.0.1:8080"],
            "databaseTimeoutSeconds": 10,
            "announcesPerMinute": 1_000_000,
        },
    });
    merge(&mut value, settings);
    value
}

fn merge(value: &mut Value, other: &Value) {
    match (value, other) {
        (Value::Object(value), Value::Object(other)) => {
            for (key, other) in other {
                merge(value.entry(key).or_insert(Value::Null), other);
            }
        }
        (value, other) => *value = other.clone(),
    }
}

/// One BitTorrent client with one torrent.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) member: u32,
    pub(crate) torrent: u32,
    target: String,
    scrape: String,
    left: u64,
    uploaded: u64,
    /// At its first announce, when nothing counts yet.
    began: Option<u64>,
}

impl Peer {
    fn new(number: u32, member: u32, torrent: u32) -> Self {
        let info_hash = hash(torrent);
        let key = Keys::derive(&Secret::from(SALT.to_owned())).announce;
        let key = announce_key::mint(&key, member, &Binding::default(), Some(info_hash));
        let mut hash = String::new();
        for byte in info_hash.as_bytes() {
            write!(hash, "%{byte:02x}").expect("text");
        }
        let left = if number.is_multiple_of(3) { 0 } else { 100 };
        let target = format!(
            "/announce/{key}/announce?info_hash={hash}&peer_id=-qB5000-{number:012}&port={}&downloaded=0&left={left}\
             &compact=1&numwant=50",
            10_000 + number % 50_000
        );
        let scrape = format!("/announce/{key}/scrape?info_hash={hash}");
        Self { member, torrent, target, scrape, left, uploaded: 1000, began: None }
    }

    /// It has sent something since.
    pub(crate) fn advance(&mut self) {
        self.uploaded += 1000;
        self.began.get_or_insert(self.uploaded);
    }

    pub(crate) fn is_seeder(&self) -> bool {
        self.left == 0
    }

    /// Bytes that a tracker has to count.
    pub(crate) fn moved(&self) -> u64 {
        self.uploaded - self.began.unwrap_or(self.uploaded)
    }

    /// The next announce.
    pub(crate) fn request(&self, keep: bool) -> String {
        let close = if keep { "" } else { "Connection: close\r\n" };
        let Self { target, uploaded, .. } = self;
        format!(
            "GET {target}&uploaded={uploaded} HTTP/1.1\r\nHost: tracker\r\nUser-Agent: test\r\n{close}\r\n"
        )
    }
}

/// The info hash of the torrent that was made as number `torrent`.
fn hash(torrent: u32) -> InfoHash {
    let mut hash = [0; 20];
    hash[16..].copy_from_slice(&torrent.to_be_bytes());
    hash.into()
}

/// Somebody who uses the site.
pub(crate) struct Browser {
    http: Client,
    pub(crate) url: String,
    csrf: String,
}

impl Browser {
    pub(crate) fn new(url: &str) -> Self {
        let http = Client::builder().cookie_store(true).no_proxy().timeout(CONDITION_TIMEOUT);
        let http = http.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { http, url: url.to_owned(), csrf: String::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("x-csrf-token", &self.csrf)
    }

    /// An error where nobody answered.
    pub(crate) async fn get(&self, path: &str) -> reqwest::Result<Response> {
        self.request(Method::GET, path).send().await
    }

    /// The status of a page, and how long it took; 0 where nobody answered.
    pub(crate) async fn look(&self, path: &str) -> (u16, Duration) {
        let begun = Instant::now();
        let status = match self.get(path).await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                if status == 503 {
                    assert!(answer.headers().contains_key("retry-after"), "it says when to come back");
                    let text = answer.text().await.unwrap_or_default();
                    assert!(text.contains("not available at the moment"), "{text}");
                }
                status
            }
            Err(_) => 0,
        };
        (status, begun.elapsed())
    }

    pub(crate) async fn json(&self, path: &str) -> Option<Value> {
        let answer = self.get(path).await.ok()?.error_for_status().ok()?;
        answer.json().await.ok()
    }

    /// Makes an account with an invite.
    pub(crate) async fn claim(&self, secret: &str, name: &str) -> reqwest::Result<Response> {
        let body = json!({ "username": name, "password": PASSWORD });
        self.request(Method::POST, &format!("/api/invites/{secret}")).json(&body).send().await
    }

    pub(crate) async fn sign_in(&mut self, name: &str) {
        let body = json!({ "username": name, "password": PASSWORD });
        let answer = self.request(Method::POST, "/api/session").json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        let session: Value = answer.json().await.expect("JSON");
        session["csrf_token"].as_str().expect("a token").clone_into(&mut self.csrf);
    }

    /// Makes an invite; its secret.
    pub(crate) async fn invite(&self) -> Option<String> {
        let answer = self.request(Method::POST, "/api/invites").send().await.ok()?;
        let invite: Value = answer.error_for_status().ok()?.json().await.ok()?;
        invite["url"].as_str()?.rsplit('/').next().map(str::to_owned)
    }

    /// Uploads a torrent of this name; its status, 0 where nobody answered.
    pub(crate) async fn upload(&self, name: &str) -> u16 {
        let info = format!(
            "d6:lengthi20000e4:name{}:{name}12:piece lengthi16384e6:pieces40:{}7:privatei1ee",
            name.len(),
            "x".repeat(40)
        );
        let file = Part::bytes(format!("d4:info{info}e").into_bytes()).file_name("a.torrent");
        let form = Form::new().part("torrent", file);
        let answer = self.request(Method::POST, "/api/torrents").multipart(form).send().await;
        answer.map_or(0, |it| it.status().as_u16())
    }
}
