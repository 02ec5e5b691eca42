//! A tracker that says what a test wants, over real sockets.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use bt::control::{Answer, PeerRecord, Request};
use bt::counts::{self, Position, Record};
use bt::{InfoHash, Peer, PeerState};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeromq::{PubSocket, RouterSocket, Socket, SocketRecv, SocketSend};

/// Where site and tracker meet.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn counts(&self) -> String {
        format!("ipc://{}/counts", self.folder.path().display())
    }

    pub(crate) fn control(&self) -> String {
        format!("ipc://{}/control", self.folder.path().display())
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
}

/// A running tracker.
pub(crate) struct Tracker {
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
    sockets: [PathBuf; 2],
}

struct State {
    publisher: PubSocket,
    control: RouterSocket,
    position: Position,
    records: Vec<Record>,
    stalled: bool,
}

pub(crate) fn record(info_hash: InfoHash, seeders: u32, leechers: u32, snatched: u32) -> Record {
    Record { info_hash, seeders, leechers, snatched }
}

impl Tracker {
    pub(crate) async fn start(place: &Place, epoch: u64, records: Vec<Record>) -> Self {
        let (mut publisher, mut control) = (PubSocket::new(), RouterSocket::new());
        infra::mq::bind(&mut publisher, &place.counts()).await.expect("bound");
        infra::mq::bind(&mut control, &place.control()).await.expect("bound");
        let (orders, mut received) = mpsc::unbounded_channel();
        let position = Position { epoch, seq: 5 };
        let mut state = State { publisher, control, position, records, stalled: false };
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
        let sockets = ["counts", "control"].map(|name| place.folder.path().join(name));
        Self { orders, task, sockets }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap_or_else(|_| panic!("the tracker ended"));
    }

    pub(crate) fn publish(&self, record: Record) {
        self.order(Order::Publish(record));
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

    /// Ends it. The library deletes the sockets some time later, which must not meet those of the next tracker.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        let deleted = async {
            while self.sockets.iter().any(|it| it.exists()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), deleted).await.expect("the sockets are deleted");
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
            Request::Reports { .. } => Answer::Reports { position: self.position, reports: Vec::new() },
        };
        let frames = std::iter::once(asker).chain(answer.encode(id).into_iter().map(Into::into));
        // The asker may have gone in between.
        let _ = self.control.send(infra::mq::message(frames).expect("frames")).await;
    }
}

/// A leecher of member 1 at half of 20000 bytes.
fn peer(info_hash: InfoHash) -> PeerRecord {
    let peer = Peer {
        member: 1,
        peer_id: *b"-qB5040-abcdefghijkl",
        v4: Some(SocketAddrV4::new([192, 0, 2, 7].into(), 6881)),
        v6: None,
        uploaded: 1024,
        downloaded: 10_000,
        left: 10_000,
        state: PeerState::Leecher,
        idle: 61,
    };
    PeerRecord { info_hash, peer }
}
