//! A site of an earlier version under today's programs, and those who use it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use bt::bencode::{self, Limits};
use infra::config::roles;
use infra::testing::{CONDITION_TIMEOUT, TestDatabase};
use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::launcher::{folder, program};

/// A site that was restored and migrated. No program runs yet.
pub(super) struct KeptSite {
    /// `expected.json`; see `tests/sites/README.md`.
    pub(super) expected: Value,
    /// Where its files are kept.
    kept: PathBuf,
    database: TestDatabase,
    folder: TempDir,
}

/// A program of today. Dropped, it is killed.
pub(super) struct Running {
    _child: Child,
    /// `http://` and its address.
    pub(super) url: String,
}

/// Somebody who asks the site.
pub(super) struct Visitor {
    http: Client,
    url: String,
    /// Sent with each request.
    headers: Vec<(&'static str, String)>,
}

/// Calls `check` with each site of `tests/sites`.
pub(super) async fn for_each(mut check: impl AsyncFnMut(&KeptSite)) {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites")).expect("the sites");
    let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    for kept in folders {
        let site = KeptSite::open(kept).await;
        check(&site).await;
        site.database.drop_now().await.expect("dropped");
    }
}

impl KeptSite {
    async fn open(kept: PathBuf) -> Self {
        let database = TestDatabase::create().await.expect("a database");
        let client = database.client().await.expect("a connection");
        // Only the roles of the new database are needed, which belong to the whole server.
        client.batch_execute("drop schema public cascade; create schema public").await.expect("emptied");
        let dump = fs::read_to_string(kept.join("site.sql")).expect("the dump");
        client.batch_execute(&dump).await.expect("restored");
        drop(client);
        let expected = read(&kept.join("expected.json"));
        let site = Self { expected, kept, database, folder: folder() };
        fs::write(site.config_file(), site.configuration().to_string()).expect("written");
        site.migrate().await;
        site
    }

    /// The kept configuration with addresses and connections of the test.
    fn configuration(&self) -> Value {
        let mut config = read(&self.kept.join("fairywren.conf.json"));
        let endpoint = |name: &str| format!("ipc://{}", self.file("zeromq").join(name).display());
        config["zeromq"] = json!({ "counts": endpoint("counts"), "control": endpoint("control") });
        config["migrate"]["postgresql"] = json!(self.database.owner);
        for role in roles() {
            config[role.section]["postgresql"] = json!(self.database.login(role.section));
        }
        config["webapi"]["listen"] = "127.0.0.1:0".into();
        // A century, as the kept session gets older.
        config["webapi"]["sessionMaxDays"] = 36_500.into();
        // No test fails because the machine has much else to do.
        config["webapi"]["backendTimeoutSeconds"] = 30.into();
        config["webapi"]["requestTimeoutSeconds"] = 300.into();
        config["webapi"]["headerTimeoutSeconds"] = 300.into();
        config["tracker"]["listen"] = json!(["127.0.0.1:0"]);
        config["tracker"]["restartFile"] = json!(self.file("swarms"));
        config["tracker"]["databaseTimeoutSeconds"] = 10.into();
        config["tracker"]["headerTimeoutSeconds"] = 300.into();
        config
    }

    fn config_file(&self) -> PathBuf {
        self.file("fairywren.conf.json")
    }

    /// A path in the folder that the programs use.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives today's tracker the restart file of the earlier one.
    pub(super) fn keep_swarms(&self) {
        fs::copy(self.kept.join("swarms.stopped"), self.file("swarms.stopped")).expect("a copy");
    }

    async fn migrate(&self) {
        let mut command = Command::new(program().with_file_name("webapi"));
        let output = command.arg("migrate").arg(self.config_file()).output().await.expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts `webapi` or `tracker`, and waits until it listens.
    pub(super) async fn start(&self, name: &str) -> Running {
        let log = self.file(&format!("{name}.log"));
        let mut child = Command::new(program().with_file_name(name))
            .arg(self.config_file())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = lines.next_line().await.expect("text").unwrap_or_default();
        let Some(address) = line.strip_prefix("listening ") else {
            panic!("{name} does not listen: {}", fs::read_to_string(&log).unwrap_or_default())
        };
        Running { _child: child, url: format!("http://{address}") }
    }
}

impl Running {
    /// One who is not signed in.
    pub(super) fn visitor(&self) -> Visitor {
        let http = Client::builder().no_proxy().timeout(CONDITION_TIMEOUT).build().expect("a client");
        Visitor { http, url: self.url.clone(), headers: Vec::new() }
    }

    /// Signs `member` in, who has a name and a password; the status where that is refused.
    pub(super) async fn sign_in(&self, member: &Value) -> Result<Visitor, StatusCode> {
        let visitor = self.visitor();
        let body = json!({ "username": member["name"], "password": member["password"] });
        let answer = visitor.send(Method::POST, "/api/session", &body).await;
        if answer.status() != StatusCode::CREATED {
            return Err(answer.status());
        }
        // Browsers send these only over HTTPS.
        let cookies: Vec<String> = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|it| Some(it.to_str().ok()?.split(';').next()?.to_owned()))
            .collect();
        let session: Value = answer.json().await.expect("JSON");
        let token = session["csrf_token"].as_str().expect("a token").to_owned();
        Ok(visitor.with("cookie", cookies.join("; ")).with("x-csrf-token", token))
    }

    /// Announces to the tracker, as a client that starts; its bencoded answer. `url` is an announce URL.
    pub(super) async fn announce(&self, url: &str, info_hash: &str, port: u16, left: u64) -> Vec<u8> {
        let (_, path) = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).expect("a URL");
        let mut hash = String::new();
        for at in (0..info_hash.len()).step_by(2) {
            hash.push('%');
            hash.push_str(&info_hash[at..at + 2]);
        }
        let path = format!(
            "/{path}?info_hash={hash}&peer_id=-qB5000-{port:012}&port={port}&uploaded=0&downloaded=0&left={left}\
             &compact=1&event=started"
        );
        let answer = self.visitor().send(Method::GET, &path, &Value::Null).await;
        answer.bytes().await.expect("an answer").to_vec()
    }
}

impl Visitor {
    /// Sends the header `name` with each request.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends `body` as JSON, unless it is null.
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        request.send().await.expect("an answer")
    }

    /// What is at `path`.
    pub(super) async fn get(&self, path: &str) -> Response {
        let answer = self.send(Method::GET, path, &Value::Null).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer
    }

    /// The JSON at `path`.
    pub(super) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("JSON")
    }
}

/// An entry of a bencoded dictionary.
pub(super) fn entry<'a>(answer: &'a [u8], key: &str) -> Option<bencode::Value<'a>> {
    let value = bencode::first_value(answer, &Limits::default()).expect("bencode");
    value.dict().expect("a dictionary").find(|it| it.key == key.as_bytes()).map(|it| it.value)
}

/// The items of a list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).expect("the file")).expect("JSON")
}
