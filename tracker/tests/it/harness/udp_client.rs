//! BEP 15 by hand: one socket, one datagram after the other.

use std::net::{IpAddr, SocketAddr};

use bt::InfoHash;
use bt::announce::{Event, Request};
use bt::swarm::Counts;
use bt::udp_tracker::{self, Announce, Reply, Scrape};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::{TEST_TIMEOUT, key};

/// What a tracker said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Connection(u64),
    Peers { interval: u32, seeders: u32, leechers: u32, peers: Vec<u8> },
    Counts(Vec<Counts>),
    Refusal(String),
}

/// A client with a connection; its next announce is in `request` and `url`, for tests to change.
pub(crate) struct UdpClient {
    pub(crate) socket: UdpSocket,
    pub(crate) connection: u64,
    pub(crate) request: Request,
    pub(crate) url: String,
    transaction: u32,
}

impl UdpClient {
    /// A client with the account's own key; it listens on port 1000 + `peer`, and sends from any port of the system.
    pub(crate) async fn connect(address: SocketAddr, member: u32, peer: u8) -> Self {
        let own: IpAddr =
            if address.is_ipv4() { [127, 0, 0, 1].into() } else { "::1".parse().expect("an address") };
        Self::connect_from(own, address, member, peer).await
    }

    pub(crate) async fn connect_from(own: IpAddr, address: SocketAddr, member: u32, peer: u8) -> Self {
        let socket = UdpSocket::bind((own, 0)).await.expect("a socket");
        socket.connect(address).await.expect("an address");
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
        let url = format!("/announce/{}/announce", key(member, 0, None));
        let mut client = Self { socket, connection: 0, request, url, transaction: 7 };
        let mut datagram = Vec::new();
        udp_tracker::Request::write_connect(7, &mut datagram);
        client.send(&datagram).await;
        let Heard::Connection(id) = client.hear().await else { panic!("no connection") };
        client.connection = id;
        client
    }

    /// Makes `info_hash` the torrent of its announces.
    pub(crate) fn on(mut self, info_hash: InfoHash) -> Self {
        self.request.info_hash = info_hash;
        self
    }

    pub(crate) async fn send(&self, datagram: &[u8]) {
        self.socket.send(datagram).await.expect("sent");
    }

    /// The next announce, with a new transaction.
    pub(crate) fn datagram(&mut self) -> Vec<u8> {
        self.transaction += 1;
        let announce = Announce { request: self.request.clone(), url: self.url.as_bytes().into() };
        let mut datagram = Vec::new();
        announce.write(self.connection, self.transaction, &mut datagram);
        datagram
    }

    /// The next datagram that comes, whatever it answers.
    pub(crate) async fn receive(&self) -> Vec<u8> {
        let mut datagram = vec![0; 4096];
        let length =
            timeout(TEST_TIMEOUT, self.socket.recv(&mut datagram)).await.expect("in time").expect("heard");
        datagram.truncate(length);
        datagram
    }

    /// The next answer, which must be the one to the latest transaction.
    pub(crate) async fn hear(&self) -> Heard {
        let datagram = self.receive().await;
        let (transaction, reply) = Reply::read(&datagram).expect("an answer");
        assert_eq!(transaction, self.transaction, "{reply:?}");
        match reply {
            Reply::Connect(id) => Heard::Connection(id),
            Reply::Announce { interval, leechers, seeders, peers } => {
                Heard::Peers { interval, seeders, leechers, peers: peers.to_vec() }
            }
            Reply::Scrape(files) => Heard::Counts(files.into_owned()),
            Reply::Error(reason) => Heard::Refusal(reason.into_owned()),
        }
    }

    pub(crate) async fn ask(&mut self) -> Heard {
        let datagram = self.datagram();
        self.send(&datagram).await;
        self.hear().await
    }

    /// An announce that must succeed: seeders, leechers, peers.
    pub(crate) async fn announce(&mut self) -> (u32, u32, Vec<u8>) {
        match self.ask().await {
            Heard::Peers { seeders, leechers, peers, .. } => (seeders, leechers, peers),
            other => panic!("{other:?}"),
        }
    }

    /// An announce that must be refused: the reason.
    pub(crate) async fn refusal(&mut self) -> String {
        match self.ask().await {
            Heard::Refusal(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn scrape(&mut self, hashes: &[InfoHash]) -> Heard {
        self.transaction += 1;
        let hashes: Vec<[u8; 20]> = hashes.iter().map(|hash| *hash.as_bytes()).collect();
        let scrape = Scrape { hashes: &hashes, url: self.url.as_bytes().into() };
        let mut datagram = Vec::new();
        scrape.write(self.connection, self.transaction, &mut datagram);
        self.send(&datagram).await;
        self.hear().await
    }
}

/// An endpoint as it is sent.
pub(crate) fn wire(endpoint: &str) -> Vec<u8> {
    match endpoint.parse().expect("an endpoint") {
        SocketAddr::V4(v4) => [&v4.ip().octets()[..], &v4.port().to_be_bytes()].concat(),
        SocketAddr::V6(v6) => [&v6.ip().octets()[..], &v6.port().to_be_bytes()].concat(),
    }
}
