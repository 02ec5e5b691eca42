//! A peer that is unknown to the tracker. It tries to be found in every other way: it announces the torrent by local service
//! discovery (BEP 14), pings the clients' DHT (BEP 5), and asks them for peer exchange (BEP 11). Clients have to take peers of
//! private torrents from the tracker alone (BEP 27): a client that answers it has failed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use bt::InfoHash;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::network::{Network, Port};

/// Its port for peers and for DHT.
const PORT: u16 = 6881;
/// Port and multicast groups of local service discovery (BEP 14).
const GROUP_PORT: u16 = 6771;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 192, 152, 143);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f);
/// Time between two announcements.
const CALL_EVERY: Duration = Duration::from_millis(500);
/// Wait for a whole handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Its peer id, and the reserved bytes of its handshake: extension protocol (BEP 10) and DHT.
const PEER_ID: &[u8; 20] = b"-FW0001-an untracked";
const RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x01];
/// A DHT `ping`.
const PING: &[u8] = b"d1:ad2:id20:-FW0001-an untrackede1:q4:ping1:t2:fw1:y1:qe";
/// Bytes of a message at most, which is more than bitfields have here.
const MESSAGE: u32 = 1 << 16;

/// The peer, which runs until this is dropped.
pub(super) struct UntrackedPeer {
    pub(super) address: IpAddr,
    found: Arc<Mutex<Vec<Found>>>,
    torrents: Arc<Mutex<Vec<InfoHash>>>,
    questions: mpsc::Sender<Question>,
}

/// A client that broke BEP 27.
#[derive(Debug, Clone)]
struct Found {
    by: IpAddr,
    how: &'static str,
}

/// A peer to shake hands with, and where the outcome is sent.
struct Question {
    peer: SocketAddr,
    torrent: InfoHash,
    answer: oneshot::Sender<anyhow::Result<()>>,
}

/// The list of findings, shared by the untracked peer's tasks.
#[derive(Clone)]
struct Findings {
    own: IpAddr,
    found: Arc<Mutex<Vec<Found>>>,
}

impl Findings {
    fn note(&self, by: IpAddr, how: &'static str) {
        let by = by.to_canonical();
        if by != self.own {
            self.found.lock().push(Found { by, how });
        }
    }
}

impl UntrackedPeer {
    /// Joins `network`, which has one family, at `number`.
    pub(super) async fn start(network: Network, number: u16) -> anyhow::Result<Self> {
        let (found, torrents) = (Arc::default(), Arc::default());
        let (questions, asked) = mpsc::channel(8);
        let (ready, begun) = oneshot::channel();
        let shared = (Arc::clone(&found), Arc::clone(&torrents));
        let work = move || {
            let (found, torrents) = shared;
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error.into()))),
            };
            runtime.block_on(async {
                match Sockets::begin(&network, number, found) {
                    Ok(sockets) => {
                        let _ = ready.send(Ok(sockets.findings.own));
                        sockets.live(&torrents, asked).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        };
        thread::Builder::new()
            .name("untracked-peer".to_owned())
            .spawn(work)
            .context("cannot start the untracked peer's thread")?;
        let address = begun
            .await
            .context("the untracked peer ended at its start")?
            .context("cannot start the untracked peer")?;
        Ok(Self { address, found, torrents, questions })
    }

    /// Starts to announce `torrent`.
    pub(super) fn call(&self, torrent: InfoHash) {
        self.torrents.lock().push(torrent);
    }

    /// Stops to announce `torrent`.
    pub(super) fn hush(&self, torrent: &InfoHash) {
        self.torrents.lock().retain(|it| it != torrent);
    }

    /// Connects to a peer of `torrent`.
    ///
    /// # Errors
    /// The peer offers peer exchange, or DHT.
    pub(super) async fn shake(&self, peer: SocketAddr, torrent: InfoHash) -> anyhow::Result<()> {
        let (answer, answered) = oneshot::channel();
        let question = Question { peer, torrent, answer };
        self.questions.send(question).await.ok().context("the untracked peer has ended")?;
        answered.await.context("the untracked peer has ended")?
    }

    /// What `peers` did to find peers without the tracker, in words.
    pub(super) fn findings(&self, peers: &[IpAddr]) -> Vec<String> {
        let found = self.found.lock();
        let mut words: Vec<String> = found
            .iter()
            .filter(|it| peers.contains(&it.by))
            .map(|it| format!("{} {}", it.by, it.how))
            .collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// The untracked peer's sockets, on its own thread.
struct Sockets {
    findings: Findings,
    listener: TcpListener,
    dht: UdpSocket,
    group: UdpSocket,
    /// The multicast group.
    everybody: SocketAddr,
    /// Peers whose DHT is pinged: those that were shaken hands with.
    known: Arc<Mutex<Vec<IpAddr>>>,
    _port: Port,
}

impl Sockets {
    fn begin(network: &Network, number: u16, found: Arc<Mutex<Vec<Found>>>) -> anyhow::Result<Self> {
        let port = network.join(number)?;
        let own = *port.addresses.first().context("the untracked peer has no address")?;
        let listener = std::net::TcpListener::bind((own, PORT))?;
        listener.set_nonblocking(true)?;
        let dht = std::net::UdpSocket::bind((own, PORT))?;
        dht.set_nonblocking(true)?;
        let (group, everybody) = group(own)?;
        Ok(Self {
            findings: Findings { own, found },
            listener: TcpListener::from_std(listener)?,
            dht: UdpSocket::from_std(dht)?,
            group,
            everybody,
            known: Arc::default(),
            _port: port,
        })
    }

    async fn live(&self, torrents: &Mutex<Vec<InfoHash>>, mut questions: mpsc::Receiver<Question>) {
        let talk = async {
            // It ends with [`UntrackedPeer`].
            while let Some(Question { peer, torrent, answer }) = questions.recv().await {
                self.known.lock().push(peer.ip());
                let _ = answer.send(shake(peer, torrent).await);
            }
        };
        tokio::select! {
            () = talk => {}
            () = self.call(torrents) => {}
            () = self.accept() => {}
            () = self.hear(&self.dht, "speaks DHT") => {}
            () = self.hear(&self.group, "calls in the local network (LSD)") => {}
        }
    }

    async fn call(&self, torrents: &Mutex<Vec<InfoHash>>) {
        loop {
            // Copies, as a lock must not cross an await.
            let wanted = torrents.lock().clone();
            let known = self.known.lock().clone();
            for torrent in wanted {
                let to = self.everybody;
                let words = format!(
                    "BT-SEARCH * HTTP/1.1\r\nHost: {to}\r\nPort: {PORT}\r\nInfohash: {torrent}\r\ncookie: fw\r\n\r\n\r\n"
                );
                // The network may be down for a moment.
                let _ = self.group.send_to(words.as_bytes(), to).await;
            }
            for peer in known {
                let _ = self.dht.send_to(PING, (peer, PORT)).await;
            }
            tokio::time::sleep(CALL_EVERY).await;
        }
    }

    async fn accept(&self) {
        loop {
            match self.listener.accept().await {
                Ok((_, from)) => {
                    self.findings.note(from.ip(), "connected to a peer that the tracker told nobody of");
                }
                Err(_) => tokio::time::sleep(CALL_EVERY).await,
            }
        }
    }

    async fn hear(&self, socket: &UdpSocket, how: &'static str) {
        let mut buffer = [0; 2048];
        loop {
            match socket.recv_from(&mut buffer).await {
                Ok((_, from)) => self.findings.note(from.ip(), how),
                // ICMP says that a ping met no open port.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

/// A socket in the group of local service discovery, and the group's address.
fn group(own: IpAddr) -> anyhow::Result<(UdpSocket, SocketAddr)> {
    let (socket, any, group) = match own {
        IpAddr::V4(own) => {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.join_multicast_v4(&GROUP_V4, &own)?;
            socket.set_multicast_if_v4(&own)?;
            (socket, IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(GROUP_V4))
        }
        IpAddr::V6(_) => {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
            let interface = rustix::net::netdevice::name_to_index(&socket, "eth0")?;
            socket.join_multicast_v6(&GROUP_V6, interface)?;
            socket.set_multicast_if_v6(interface)?;
            (socket, IpAddr::from(Ipv6Addr::UNSPECIFIED), IpAddr::from(GROUP_V6))
        }
    };
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(any, GROUP_PORT).into())?;
    Ok((UdpSocket::from_std(socket.into())?, SocketAddr::new(group, GROUP_PORT)))
}

async fn shake(peer: SocketAddr, torrent: InfoHash) -> anyhow::Result<()> {
    let talk = async {
        let mut stream = TcpStream::connect(peer).await?;
        let mut hello = b"\x13BitTorrent protocol".to_vec();
        hello.extend_from_slice(&RESERVED);
        hello.extend_from_slice(torrent.as_bytes());
        hello.extend_from_slice(PEER_ID);
        stream.write_all(&hello).await?;
        let mut theirs = [0; 68];
        stream.read_exact(&mut theirs).await?;
        anyhow::ensure!(theirs[28..48] == *torrent.as_bytes(), "it answers with another info hash");
        if theirs[25] & 0x10 == 0 {
            // No extension protocol, hence no peer exchange.
            return Ok(());
        }
        // One extended handshake (message 20, extended 0), which offers peer exchange.
        let offer = b"d1:md6:ut_pexi1eee";
        let length = u32::try_from(offer.len() + 2)?;
        stream.write_all(&[&length.to_be_bytes()[..], &[20, 0], offer].concat()).await?;
        read_offer(&mut stream).await
    };
    let context = || format!("the handshake with {peer} failed");
    timeout(HANDSHAKE_TIMEOUT, talk).await.with_context(context)?.with_context(context)
}

/// Reads messages until the extended handshake.
async fn read_offer(stream: &mut TcpStream) -> anyhow::Result<()> {
    loop {
        let length = stream.read_u32().await?;
        anyhow::ensure!(length <= MESSAGE, "a message has {length} bytes");
        let mut message = vec![0; usize::try_from(length)?];
        stream.read_exact(&mut message).await?;
        match message.as_slice() {
            [9, ..] => anyhow::bail!("it offers DHT for a private torrent"),
            [20, 0, offer @ ..] => {
                anyhow::ensure!(!offers_exchange(offer), "it offers to exchange peers of a private torrent");
                return Ok(());
            }
            _ => {}
        }
    }
}

/// Whether an extended handshake gives `ut_pex` a message id other than 0, which switches it off (BEP 10).
fn offers_exchange(offer: &[u8]) -> bool {
    let key = b"6:ut_pexi";
    let value = offer.windows(key.len()).position(|window| window == key).map(|at| &offer[at + key.len()..]);
    value.is_some_and(|value| !value.starts_with(b"0e"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_of_peer_exchange_is_seen() {
        assert!(offers_exchange(b"d1:md11:ut_metadatai2e6:ut_pexi1eee"));
        assert!(!offers_exchange(b"d1:md11:ut_metadatai2e6:ut_pexi0eee"));
        assert!(!offers_exchange(b"d1:md11:ut_metadatai2eee"));
    }
}
