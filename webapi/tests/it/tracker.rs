//! A tracker that says what a test wants, over real sockets.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bt::messages::control::{Answer, Connection, Decision, PeerRecord, Request};
use bt::messages::counts::{self, Position, Record};
use bt::messages::report::Report;
use bt::{InfoHash, Peer, PeerState};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use zeromq::{PubSocket, RouterSocket, Socket, SocketRecv, SocketSend};

use crate::support::TestSite;

/// The folder with the sockets that site and tracker meet at.
pub(crate) struct TrackerSockets {
    folder: TempDir,
}

impl TrackerSockets {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn counts(&self) -> String {
        format!("ipc://{}/counts", self.folder.path().display())
    }

    pub(crate) fn control(&self) -> String {
        format!("ipc://{}/control", self.folder.path().display())
    }

    /// A site that listens here.
    pub(crate) async fn site(&self) -> TestSite {
        TestSite::start_with(|config| {
            config["zeromq"] = json!({ "counts": self.counts(), "control": self.control() });
        })
        .await
    }
}

/// What a test tells the tracker.
enum Order {
    /// New numbers, published at once.
    Publish(Record),
    /// New numbers whose message gets lost.
    Lose(Record),
    /// No word any more, though the sockets stay.
    Stall,
    Speak,
    /// A batch of reports, kept until it is said to be applied.
    Report(Position, Vec<Report>),
    /// The answers to so many questions for reports get lost.
    LoseAnswers(u32),
    /// So many times it is not heard that a batch is applied.
    LoseWord(u32),
    /// An announce of a member.
    Announce(u32, Decision),
    /// A connection to a member's client.
    Connect(u32, Connection),
}

/// A running tracker.
pub(crate) struct Tracker {
    orders: mpsc::UnboundedSender<Order>,
    /// Batches of reports that were ready so far.
    reported: AtomicUsize,
    /// Those of them that are said to be applied.
    applied: watch::Receiver<usize>,
    task: JoinHandle<()>,
    sockets: [PathBuf; 2],
}

struct State {
    publisher: PubSocket,
    control: RouterSocket,
    position: Position,
    records: Vec<Record>,
    stalled: bool,
    batches: VecDeque<(Position, Vec<Report>)>,
    applied: watch::Sender<usize>,
    lost_answers: u32,
    lost_words: u32,
    /// Announces with the id of the member who sent each.
    announces: Vec<(u32, Decision)>,
    /// Connections with the id of the member whose client each one reached.
    connections: Vec<(u32, Connection)>,
}

pub(crate) fn record(info_hash: InfoHash, seeders: u32, leechers: u32, snatched: u32) -> Record {
    Record { info_hash, seeders, leechers, snatched }
}

impl Tracker {
    pub(crate) async fn start(sockets: &TrackerSockets, epoch: u64, records: Vec<Record>) -> Self {
        let (mut publisher, mut control) = (PubSocket::new(), RouterSocket::new());
        infra::mq::bind(&mut publisher, &sockets.counts()).await.expect("bound");
        infra::mq::bind(&mut control, &sockets.control()).await.expect("bound");
        let (orders, mut received) = mpsc::unbounded_channel();
        let position = Position { epoch, seq: 5 };
        let (counted, applied) = watch::channel(0);
        let mut state = State {
            publisher,
            control,
            position,
            records,
            stalled: false,
            batches: VecDeque::new(),
            applied: counted,
            lost_answers: 0,
            lost_words: 0,
            announces: Vec::new(),
            connections: Vec::new(),
        };
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(1));
            loop {
                tokio::select! {
                    order = received.recv() => match order {
                        Some(order) => state.obey(order).await,
                        None => return,
                    },
                    // An error is a site that went.
                    question = state.control.recv() => if let Ok(question) = question {
                        state.answer(question.into_vec()).await;
                    },
                    _ = beat.tick() => state.publish(&[]).await,
                }
            }
        });
        let sockets = ["counts", "control"].map(|name| sockets.folder.path().join(name));
        Self { orders, reported: AtomicUsize::new(0), applied, task, sockets }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap_or_else(|_| panic!("the tracker ended"));
    }

    pub(crate) fn publish(&self, record: Record) {
        self.order(Order::Publish(record));
    }

    /// Remembers an announce of `member`, as one that was made before those that were told earlier.
    pub(crate) fn remember(&self, member: u32, decision: Decision) {
        self.order(Order::Announce(member, decision));
    }

    /// Remembers a connection to a client of `member`, as one that was tried before those that were told earlier.
    pub(crate) fn connect(&self, member: u32, connection: Connection) {
        self.order(Order::Connect(member, connection));
    }

    pub(crate) fn lose(&self, record: Record) {
        self.order(Order::Lose(record));
    }

    pub(crate) fn stall(&self) {
        self.order(Order::Stall);
    }

    pub(crate) fn speak(&self) {
        self.order(Order::Speak);
    }

    /// Has `reports` ready as the batch `seq` of `epoch`.
    pub(crate) fn report(&self, epoch: u64, seq: u64, reports: Vec<Report>) {
        self.reported.fetch_add(1, Ordering::SeqCst);
        self.order(Order::Report(Position { epoch, seq }, reports));
    }

    pub(crate) fn lose_answers(&self, number: u32) {
        self.order(Order::LoseAnswers(number));
    }

    pub(crate) fn lose_word(&self, number: u32) {
        self.order(Order::LoseWord(number));
    }

    /// Waits until every batch is said to be applied.
    pub(crate) async fn all_applied(&self) {
        let mut applied = self.applied.clone();
        let all = self.reported.load(Ordering::SeqCst);
        let wait = applied.wait_for(|applied| *applied == all);
        let end = tokio::time::timeout(Duration::from_mins(5), wait).await;
        end.expect("applied in time").expect("the tracker runs");
    }

    /// Ends it. The library deletes the sockets some time later, which must not meet those of the next tracker.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        let deleted = async {
            while self.sockets.iter().any(|it| it.exists()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(5), deleted).await.expect("the sockets are deleted");
    }
}

impl State {
    async fn obey(&mut self, order: Order) {
        match order {
            Order::Publish(record) => {
                self.set(record);
                self.publish(&[record]).await;
            }
            Order::Lose(record) => {
                self.set(record);
                self.position.seq += 1;
            }
            Order::Stall => self.stalled = true,
            Order::Speak => self.stalled = false,
            Order::Report(position, reports) => self.batches.push_back((position, reports)),
            Order::LoseAnswers(number) => self.lost_answers = number,
            Order::LoseWord(number) => self.lost_words = number,
            Order::Announce(member, decision) => self.announces.push((member, decision)),
            Order::Connect(member, connection) => self.connections.push((member, connection)),
        }
    }

    fn set(&mut self, record: Record) {
        self.records.retain(|it| it.info_hash != record.info_hash);
        self.records.push(record);
    }

    async fn publish(&mut self, records: &[Record]) {
        if self.stalled {
            return;
        }
        self.position.seq += 1;
        let frames = counts::encode(self.position, records).map(Into::into);
        self.publisher.send(infra::mq::message(frames).expect("frames")).await.expect("sent");
    }

    async fn answer(&mut self, mut frames: Vec<bytes::Bytes>) {
        if self.stalled {
            return;
        }
        let asker = frames.remove(0);
        let (id, request) = Request::decode(&frames).expect("a question");
        let answer = match request {
            Request::Snapshot => Answer::Snapshot { position: self.position, records: self.records.clone() },
            Request::Peers { info_hash, .. } => {
                let wanted =
                    self.records.iter().filter(|it| info_hash.is_none_or(|hash| hash == it.info_hash));
                let peers: Vec<PeerRecord> = wanted.map(|it| peer(it.info_hash)).collect();
                Answer::Peers { total: u32::try_from(peers.len()).expect("few"), peers }
            }
            Request::Announces { member } => Answer::Announces(
                self.announces.iter().filter(|(of, _)| *of == member).map(|(_, it)| *it).collect(),
            ),
            Request::Connections { member } => Answer::Connections(
                self.connections.iter().filter(|(of, _)| *of == member).map(|(_, it)| *it).collect(),
            ),
            Request::Reports { applied } => {
                let answer = self.reports(applied);
                if self.lost_answers > 0 {
                    self.lost_answers -= 1;
                    return;
                }
                answer
            }
        };
        let frames = std::iter::once(asker).chain(answer.encode(id).into_iter().map(Into::into));
        // The asker may have gone in between.
        let _ = self.control.send(infra::mq::message(frames).expect("frames")).await;
    }
}

impl State {
    fn reports(&mut self, applied: Option<Position>) -> Answer {
        if self.batches.front().is_some_and(|(position, _)| applied == Some(*position)) {
            if self.lost_words > 0 {
                self.lost_words -= 1;
            } else {
                self.batches.pop_front();
                self.applied.send_modify(|applied| *applied += 1);
            }
        }
        let (position, reports) = self.batches.front().cloned().unwrap_or_default();
        Answer::Reports { position, reports }
    }
}

/// A leecher of member 1 at half of 20000 bytes.
fn peer(info_hash: InfoHash) -> PeerRecord {
    let peer = Peer {
        member: 1,
        client: *b"-qB5040-",
        v4: Some(SocketAddrV4::new([192, 0, 2, 7].into(), 6881)),
        v6: None,
        uploaded: 1024,
        downloaded: 10_000,
        left: 10_000,
        state: PeerState::Leecher,
        idle: 61,
    };
    PeerRecord { info_hash, peer, reachable: Some(true) }
}
