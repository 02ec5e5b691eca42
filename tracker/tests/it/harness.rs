//! What the tests of the tracker need: a database, a configuration, trackers and clients.

mod http;
mod proxy;
mod torrent_client;
mod udp_client;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bt::announce_key::{self, Binding};
use bt::{InfoHash, InfoHashV2};
use infra::secrets::{Keys, Secret};
use infra::testing::{SALT, TestDatabase};
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::Client;

pub(crate) use http::{Answer, Connection};
pub(crate) use proxy::Proxy;
pub(crate) use rustix::process::Signal;
pub(crate) use torrent_client::TorrentClient;
pub(crate) use udp_client::{Heard, UdpClient, wire};

/// How long a test waits for anything: far longer than the busiest machine takes.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_mins(5);

/// A database, a configuration, and as many trackers as a test starts.
pub(crate) struct TrackerRig {
    pub(crate) database: TestDatabase,
    pub(crate) owner: Client,
    pub(crate) folder: TempDir,
    pub(crate) config: Value,
}

impl TrackerRig {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await.expect("a database");
        let owner = database.client().await.expect("a connection");
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = infra::testing::configuration(&database);
        let endpoint = |name: &str| format!("ipc://{}/{name}", folder.path().join("zeromq").display());
        config["zeromq"] = json!({"counts": endpoint("counts"), "control": endpoint("control")});
        config["trustedProxies"] = json!([]);
        config["tracker"]["listen"] = json!(["127.0.0.1:0", "[::1]:0"]);
        config["tracker"]["restartFile"] = folder.path().join("swarms").to_string_lossy().into();
        // Long, so that a test does not fail on a busy machine.
        config["tracker"]["databaseTimeoutSeconds"] = 10.into();
        config["tracker"]["headerTimeoutSeconds"] = 300.into();
        // Long, so that tests see notifications work, not the periodic comparison.
        config["tracker"]["reconcileSeconds"] = 3600.into();
        Self { database, owner, folder, config }
    }

    /// The configuration as a file.
    pub(crate) fn config_file(&self) -> PathBuf {
        let file = self.folder.path().join("fairywren.conf.json");
        std::fs::write(&file, self.config.to_string()).expect("a file");
        file
    }

    /// Lets the next tracker that is started reach the database through a proxy.
    pub(crate) fn proxied(&mut self) -> Proxy {
        let folder = self.folder.path();
        self.config["tracker"]["postgresql"]["host"] = folder.to_str().expect("text").into();
        Proxy::start(folder, self.database.login("tracker"))
    }

    /// Starts a tracker and returns once it is ready. A blocking thread waits for it, as the test's own thread may
    /// serve the proxy in front of the database.
    pub(crate) async fn start(&self) -> Tracker {
        self.start_after(":").await
    }

    /// Starts a tracker from a shell, after a command such as `ulimit`.
    pub(crate) async fn start_after(&self, command: &str) -> Tracker {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} && exec \"$0\" \"$1\""), env!("CARGO_BIN_EXE_tracker")]);
        shell.arg(self.config_file());
        tokio::task::spawn_blocking(move || Tracker::start(shell)).await.expect("the tracker starts")
    }

    pub(crate) async fn member(&self, name: &str) -> u32 {
        let insert = "insert into users (name, password_hash, key_nonce) values ($1, '', $2) returning id";
        self.owner
            .query_one(insert, &[&name, &&NONCE[..]])
            .await
            .expect("a member")
            .get::<_, i32>("id")
            .cast_unsigned()
    }

    /// A version 1 torrent with the hash `number` twenty times.
    pub(crate) async fn torrent(&self, number: u8) -> InfoHash {
        self.add_torrent(Some([number; 20].into()), None).await;
        [number; 20].into()
    }

    pub(crate) async fn add_torrent(&self, v1: Option<InfoHash>, v2: Option<InfoHashV2>) {
        let insert = "insert into torrents (info_hash_v1, info_hash_v2, title, size, file_count, search) \
             values ($1, $2, 'A torrent', 1, 1, '')";
        let v1 = v1.as_ref().map(|hash| &hash.as_bytes()[..]);
        let v2 = v2.as_ref().map(|hash| &hash.as_bytes()[..]);
        self.owner.execute(insert, &[&v1, &v2]).await.expect("a torrent");
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.owner.batch_execute(sql).await.expect(sql);
    }

    /// Changes the database without its triggers, so that the tracker gets no notification.
    pub(crate) async fn execute_silently(&self, sql: &str) {
        let sql = format!("set session_replication_role = replica; {sql}; reset session_replication_role");
        self.execute(&sql).await;
    }
}

/// The nonce of the accounts that [`TrackerRig::member`] makes.
pub(crate) const NONCE: [u8; 16] = *b"nonce of members";

/// A member's key for one torrent, or for all.
pub(crate) fn key(member: u32, version: u32, scope: Option<InfoHash>) -> String {
    key_with(member, Binding { version, nonce: NONCE.into() }, scope)
}

/// The same as [`key`], for any binding.
pub(crate) fn key_with(member: u32, binding: Binding, scope: Option<InfoHash>) -> String {
    let key = Keys::derive(&Secret::from(SALT.to_owned())).announce;
    announce_key::mint(&key, member, &binding, scope).to_string()
}

/// A running tracker, killed when it is dropped.
pub(crate) struct Tracker {
    child: Child,
    pub(crate) v4: SocketAddr,
    pub(crate) v6: SocketAddr,
    /// Addresses for datagrams, in the order of the configuration.
    pub(crate) udp: Vec<SocketAddr>,
    /// Addresses for Prometheus.
    pub(crate) metrics: Vec<SocketAddr>,
    log: Arc<Mutex<String>>,
}

impl Tracker {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stderr = child.stderr.take().expect("piped");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut chunk) {
                kept.lock().expect("no panic").push_str(&String::from_utf8_lossy(&chunk[..count]));
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (mut udp, mut metrics) = (Vec::new(), Vec::new());
        let mut address = || -> SocketAddr {
            loop {
                let line = lines.next().map(|line| line.expect("text"));
                let line = line.unwrap_or_else(|| panic!("not ready: {}", log.lock().expect("no panic")));
                match line.split_once(' ').map(|(what, address)| (what, address.parse())) {
                    Some(("udp", Ok(address))) => udp.push(address),
                    Some(("metrics", Ok(address))) => metrics.push(address),
                    Some(("listening", Ok(address))) => return address,
                    _ => panic!("neither an address: {line}"),
                }
            }
        };
        let (v4, v6) = (address(), address());
        Self { child, v4, v6, udp, metrics, log }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        Connection::open(self.v4).await.get(target).await
    }

    /// A client that announces to the IPv4 address.
    pub(crate) fn client(&self, member: u32, peer: u8) -> TorrentClient {
        TorrentClient::new(self.v4, member, peer)
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Waits for the end of the program.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the tracker ends", async || self.child.try_wait().expect("a child")).await
    }

    /// Stops it with SIGTERM and waits for its end.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls `probe` until it returns a value, for [`TEST_TIMEOUT`] at most.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < TEST_TIMEOUT, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
