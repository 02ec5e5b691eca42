//! Clients that announce at a fixed rate, and what became of each announce.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::installation::Peer;

/// A tracker that says nothing for so long has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// Pause until an announce that the tracker did not read is sent again.
const PAUSE: Duration = Duration::from_millis(10);

/// On which connections announces are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionUse {
    /// On connections that stay.
    Kept,
    /// Each on a connection of its own.
    Alone,
}

/// What may happen to an announce besides an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AnnounceFailure {
    /// No connection was to be had.
    Refused,
    /// The connection was reset before the announce was read, or so it looks from here.
    Unread,
    /// It was read, and the connection ended without a whole answer.
    Cut,
    /// No answer came.
    Silence,
    /// Another answer than peers.
    Answer(String),
}

/// What a load came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The latency of each answer, in microseconds.
    times: Vec<u32>,
    /// How often an announce was sent again because it had not been read.
    pub(crate) repeated: usize,
    failures: BTreeMap<AnnounceFailure, usize>,
    /// The peers with the counters of their last announces.
    pub(crate) peers: Vec<Peer>,
}

impl Tally {
    pub(crate) fn answered(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    /// The time that `percent` of the answers took at most. The times must be in order.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let at = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        Duration::from_micros(self.times.get(at).copied().unwrap_or_default().into())
    }

    /// # Panics
    /// When an announce failed, or none was answered.
    pub(crate) fn expect_all_answered(&self) {
        assert!(self.answered() > 0, "nothing was announced");
        assert_eq!(self.failures, BTreeMap::new(), "of {} announces", self.answered());
    }

    /// What other answers than peers there were.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let answers = self.failures.keys().filter_map(|failure| match failure {
            AnnounceFailure::Answer(text) => Some(text.clone()),
            _ => None,
        });
        answers.collect()
    }

    /// # Panics
    /// When an announce had to be sent again, or failed.
    pub(crate) fn expect_each_answered(&self) {
        assert_eq!((self.repeated, &self.failures), (0, &BTreeMap::new()));
    }

    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.repeated += other.repeated;
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
        self.peers.extend(other.peers);
    }

    fn fail(&mut self, failure: AnnounceFailure) {
        *self.failures.entry(failure).or_default() += 1;
    }
}

/// A load that runs.
pub(crate) struct Load {
    clients: JoinSet<Tally>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicUsize,
}

impl Load {
    /// `peers` announce to `tracker` in turn, `rate` times each second in all, over `connections`.
    pub(crate) fn start(
        tracker: SocketAddr,
        peers: Vec<Peer>,
        rate: u32,
        connections: u32,
        kept_or_new: ConnectionUse,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let mut parts: Vec<Vec<Peer>> = (0..connections).map(|_| Vec::new()).collect();
        for (at, peer) in peers.into_iter().enumerate() {
            parts[at % connections as usize].push(peer);
        }
        let begin = Instant::now();
        let pace = Duration::from_secs(1) * connections / rate;
        let mut clients = JoinSet::new();
        for (at, peers) in (0..).zip(parts) {
            let pace = Pace { next: begin + Duration::from_secs(1) / rate * at, pace };
            clients.spawn(announce_on(tracker, peers, pace, kept_or_new, Arc::clone(&shared)));
        }
        Self { clients, shared }
    }

    /// Returns when `count` more announces have been answered.
    pub(crate) async fn made(&self, count: usize) {
        let wanted = self.shared.answered.load(Ordering::Relaxed) + count;
        let end = Instant::now() + Duration::from_mins(10);
        while self.shared.answered.load(Ordering::Relaxed) < wanted {
            assert!(Instant::now() < end, "announces are not answered any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it when all announces under way have their answers.
    pub(crate) async fn finish(mut self) -> Tally {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        while let Some(one) = self.clients.join_next().await {
            tally.add(one.expect("a client does not panic"));
        }
        tally.times.sort_unstable();
        tally
    }
}

/// Announces once with each of `peers`, each as often as it takes, and returns when all are answered.
pub(crate) async fn announce_once(tracker: SocketAddr, peers: Vec<Peer>) -> Tally {
    let mut tally = Tally::default();
    let mut connection = Connection { tracker, kept_or_new: ConnectionUse::Kept, stream: None };
    for mut peer in peers {
        connection.announce(&mut peer, &mut tally, &AtomicBool::new(false)).await;
        tally.peers.push(peer);
    }
    tally
}

/// When a client announces.
struct Pace {
    next: Instant,
    pace: Duration,
}

async fn announce_on(
    tracker: SocketAddr,
    peers: Vec<Peer>,
    mut pace: Pace,
    kept_or_new: ConnectionUse,
    shared: Arc<Shared>,
) -> Tally {
    let mut tally = Tally { peers, ..Tally::default() };
    let mut connection = Connection { tracker, kept_or_new, stream: None };
    let count = tally.peers.len();
    for at in (0..count).cycle() {
        sleep_until(pace.next).await;
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let mut peer = tally.peers[at].clone();
        // One that had to wait for the answer before it has waited since its time had come.
        let late = Instant::now() > pace.next + pace.pace;
        let begun = if late { pace.next } else { Instant::now() };
        if connection.announce(&mut peer, &mut tally, &shared.stop).await {
            let time = begun.elapsed().as_micros();
            tally.times.push(u32::try_from(time).unwrap_or(u32::MAX));
            shared.answered.fetch_add(1, Ordering::Relaxed);
        }
        tally.peers[at] = peer;
        pace.next += pace.pace;
    }
    tally
}

/// A client's way to the tracker.
struct Connection {
    tracker: SocketAddr,
    kept_or_new: ConnectionUse,
    stream: Option<TcpStream>,
}

impl Connection {
    /// Announces until it was read; says whether it was answered with peers.
    async fn announce(&mut self, peer: &mut Peer, tally: &mut Tally, stop: &AtomicBool) -> bool {
        peer.advance();
        let request = peer.request(self.kept_or_new == ConnectionUse::Kept);
        loop {
            match timeout(ANSWER_TIMEOUT, self.exchange(request.as_bytes()))
                .await
                .unwrap_or(Err(AnnounceFailure::Silence))
            {
                Ok(()) => return true,
                Err(AnnounceFailure::Refused | AnnounceFailure::Unread) if !stop.load(Ordering::Relaxed) => {
                    self.stream = None;
                    tally.repeated += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                // It ends anyway.
                Err(AnnounceFailure::Refused | AnnounceFailure::Unread) => return false,
                Err(failure) => {
                    self.stream = None;
                    tally.fail(failure);
                    return false;
                }
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(), AnnounceFailure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.tracker).await.map_err(|_| AnnounceFailure::Refused)?,
        };
        let _ = stream.set_nodelay(true);
        stream.write_all(request).await.map_err(|_| AnnounceFailure::Unread)?;
        let mut bytes = Vec::with_capacity(1024);
        let body = loop {
            match stream.read_buf(&mut bytes).await {
                Ok(0) if bytes.is_empty() && was_reset(&stream) => return Err(AnnounceFailure::Unread),
                Err(_) if bytes.is_empty() => return Err(AnnounceFailure::Unread),
                Ok(0) | Err(_) => return Err(AnnounceFailure::Cut),
                Ok(_) => {}
            }
            if let Some(body) = whole_body(&bytes) {
                break body;
            }
        };
        if self.kept_or_new == ConnectionUse::Kept && !says_close(&bytes) {
            self.stream = Some(stream);
        }
        let text = String::from_utf8_lossy(body);
        if bytes.starts_with(b"HTTP/1.1 200") && body.starts_with(b"d8:complete") {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&bytes);
        let status = line.lines().next().unwrap_or_default();
        Err(AnnounceFailure::Answer(format!("{status} {}", text.chars().take(120).collect::<String>())))
    }
}

/// Whether the other side refused what was sent after it had closed: then it did not read it.
fn was_reset(stream: &TcpStream) -> bool {
    matches!(stream.take_error(), Ok(Some(_)) | Err(_))
}

/// The body, once all of it is there.
fn whole_body(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let length: usize = header(&bytes[..head], "content-length")?.parse().ok()?;
    (bytes.len() >= head + length).then(|| &bytes[head..head + length])
}

fn says_close(bytes: &[u8]) -> bool {
    header(bytes, "connection").is_some_and(|it| it.eq_ignore_ascii_case("close"))
}

fn header(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head).into_owned();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines
        .into_iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}
