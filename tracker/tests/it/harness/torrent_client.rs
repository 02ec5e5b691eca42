//! One BitTorrent client, as far as the tracker sees it.

use std::net::SocketAddr;

use bt::announce::{Event, Reply, Request, decode};
use bt::{InfoHash, announce};

use super::{Answer, Connection, eventually, key};

/// Its next announce is in `request`, for tests to change.
pub(crate) struct TorrentClient {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) request: Request,
}

impl TorrentClient {
    /// A client with the account's own key; it listens on port 1000 + `peer`.
    pub(crate) fn new(address: SocketAddr, member: u32, peer: u8) -> Self {
        let request = Request {
            info_hash: [0; 20].into(),
            peer_id: [peer; 20],
            port: 1000 + u16::from(peer),
            uploaded: 0,
            downloaded: 0,
            left: Some(100),
            event: Event::Started,
            numwant: None,
            compact: true,
        };
        Self { address, key: key(member, 0, None), request }
    }

    /// Makes `info_hash` the torrent of its announces.
    pub(crate) fn on(mut self, info_hash: InfoHash) -> Self {
        self.request.info_hash = info_hash;
        self
    }

    pub(crate) fn seeding(mut self) -> Self {
        self.request.left = Some(0);
        self
    }

    pub(crate) fn query(&self) -> String {
        let mut query = String::new();
        self.request.write_query(&mut query);
        query
    }

    pub(crate) fn target(&self) -> String {
        format!("/announce/{}/announce?{}", self.key, self.query())
    }

    pub(crate) async fn get(&self) -> Answer {
        Connection::open(self.address).await.get(&self.target()).await
    }

    pub(crate) async fn reply(&self) -> Reply {
        let answer = self.get().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.head.contains("Content-Type: text/plain\r\n"), "{answer:?}");
        decode(&answer.body).expect("an answer to an announce")
    }

    /// An announce that must succeed.
    pub(crate) async fn announce(&self) -> announce::Peers {
        match self.reply().await {
            Reply::Peers(peers) => peers,
            Reply::Failure { reason, .. } => panic!("refused: {reason}"),
        }
    }

    pub(crate) async fn announce_event(&mut self, event: Event) -> announce::Peers {
        self.request.event = event;
        self.announce().await
    }

    /// An announce that must be refused: the reason.
    pub(crate) async fn refusal(&self) -> String {
        match self.reply().await {
            Reply::Failure { reason, .. } => reason,
            Reply::Peers(peers) => panic!("accepted: {peers:?}"),
        }
    }

    /// Announces until it is refused with these words.
    pub(crate) async fn refused_with(&self, words: &str) {
        eventually(&format!("the announce is refused with {words:?}"), async || match self.reply().await {
            Reply::Failure { reason, .. } if reason.contains(words) => Some(()),
            _ => None,
        })
        .await;
    }

    /// Announces until it is accepted.
    pub(crate) async fn accepted(&self) -> announce::Peers {
        eventually("the announce is accepted", async || match self.reply().await {
            Reply::Peers(peers) => Some(peers),
            Reply::Failure { .. } => None,
        })
        .await
    }
}
