//! The load of the UDP benchmark: announces of the same peers as `announce_load`, on sockets that never run dry.

#[path = "load/plan.rs"]
mod plan;

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bt::announce::{Event, Request};
use bt::udp_tracker::{self, Announce, Reply};
use clap::{Parser, Subcommand};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

use plan::Plan;

/// Datagrams for each call.
const BATCH: usize = 64;

/// Announces that wait for their answers at the same time; the server's socket holds them all.
const WINDOW: usize = 512;

/// Time after which an announce without an answer counts as lost.
const REPLY_TIMEOUT: Duration = Duration::from_millis(200);

/// Different announces in one measurement.
const VARIETY: u32 = 200_000;

#[derive(Parser)]
struct Arguments {
    /// Peers in all
    #[arg(long, default_value_t = 1_000_000)]
    peers: u32,
    /// Torrents that they are spread over
    #[arg(long, default_value_t = 10_000)]
    torrents: u32,
    /// The tracker's configuration; without it the requests carry no key, as for a tracker without accounts
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Announces every peer once to ADDR:PORT, and those whose answers are lost again
    Load {
        /// The tracker
        address: SocketAddr,
    },
    /// Announces random peers for so many seconds; prints how many were answered and how many lost
    Run {
        /// The tracker
        address: SocketAddr,
        /// Seconds
        seconds: u64,
    },
}

/// A socket with a connection.
struct Generator {
    socket: UdpSocket,
    connection: u64,
    inbox: Box<[[u8; 2048]]>,
    headers: MultiHeaders<SockaddrStorage>,
}

impl Generator {
    fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let own: SocketAddr = if address.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }.parse()?;
        let socket = UdpSocket::bind(own)?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(REPLY_TIMEOUT))?;
        let mut datagram = Vec::new();
        udp_tracker::Request::write_connect(1, &mut datagram);
        let mut answer = [0; 2048];
        for _ in 0..50 {
            socket.send(&datagram)?;
            let Ok(length) = socket.recv(&mut answer) else { continue };
            if let Some((1, Reply::Connect(connection))) = Reply::read(&answer[..length]) {
                return Ok(Self {
                    socket,
                    connection,
                    inbox: vec![[0; 2048]; BATCH].into(),
                    headers: MultiHeaders::preallocate(BATCH, None),
                });
            }
        }
        bail!("{address} gives no connection")
    }

    fn send(&mut self, datagrams: &[Vec<u8>]) -> anyhow::Result<()> {
        let slices: Vec<[IoSlice<'_>; 1]> = datagrams.iter().map(|it| [IoSlice::new(it)]).collect();
        let mut sent = 0;
        while sent < slices.len() {
            let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len() - sent, None);
            let nowhere = vec![None; slices.len() - sent];
            let rest = &slices[sent..];
            let flags = MsgFlags::empty();
            sent += sendmmsg(self.socket.as_raw_fd(), &mut headers, rest, nowhere, [], flags)?.count();
        }
        Ok(())
    }

    /// Waits for at least one answer and tells `heard` the transaction of each. Says how many there were, 0 when none
    /// came in time.
    fn receive(&mut self, mut heard: impl FnMut(u32)) -> anyhow::Result<usize> {
        let mut inbox = self.inbox.iter_mut();
        let mut places: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(inbox.next().map_or(&mut [], |datagram| datagram))]);
        let flags = MsgFlags::MSG_WAITFORONE;
        let results = match recvmmsg(self.socket.as_raw_fd(), &mut self.headers, &mut places, flags, None) {
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            results => results?,
        };
        let mut count = 0;
        for message in results {
            let datagram = message.iovs().next().context("the tracker sent an empty answer")?;
            match Reply::read(datagram).context("the answer is not a reply of BEP 15")? {
                (transaction, Reply::Announce { .. }) => heard(transaction),
                (_, other) => bail!("refused: {other:?}"),
            }
            count += 1;
        }
        Ok(count)
    }
}

fn announce(plan: &Plan, peer: u32, connection: u64, transaction: u32) -> Vec<u8> {
    let announce = plan.announce(peer);
    let request = Request {
        info_hash: announce.hash,
        peer_id: announce.peer_id,
        port: announce.port,
        uploaded: 0,
        downloaded: 0,
        left: Some(announce.left.into()),
        event: Event::None,
        numwant: Some(50),
        compact: true,
    };
    let mut datagram = Vec::with_capacity(180);
    Announce { request, url: announce.path.as_bytes().into() }.write(connection, transaction, &mut datagram);
    datagram
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::new(arguments.peers, arguments.torrents, arguments.config.as_deref())?;
    match arguments.step {
        Step::Load { address } => load(&plan, arguments.peers, address),
        Step::Run { address, seconds } => run(&plan, arguments.peers, address, Duration::from_secs(seconds)),
    }
}

fn load(plan: &Plan, peers: u32, address: SocketAddr) -> anyhow::Result<()> {
    let mut generator = Generator::connect(address)?;
    let mut connected = Instant::now();
    let all: Vec<u32> = (0..peers).collect();
    for chunk in all.chunks(256) {
        if connected.elapsed() > Duration::from_mins(1) {
            generator = Generator::connect(address)?;
            connected = Instant::now();
        }
        let mut missing: Vec<u32> = chunk.to_vec();
        while !missing.is_empty() {
            let connection = generator.connection;
            let datagrams: Vec<_> =
                missing.iter().map(|peer| announce(plan, *peer, connection, *peer)).collect();
            generator.send(&datagrams)?;
            while !missing.is_empty() {
                if generator.receive(|peer| missing.retain(|it| *it != peer))? == 0 {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn run(plan: &Plan, peers: u32, address: SocketAddr, time: Duration) -> anyhow::Result<()> {
    let mut generator = Generator::connect(address)?;
    let mut rng = fastrand::Rng::with_seed(1);
    let connection = generator.connection;
    let datagrams: Vec<Vec<u8>> =
        (0..VARIETY).map(|number| announce(plan, rng.u32(0..peers), connection, number)).collect();
    // Making them took a while.
    generator = Generator::connect(address)?;
    let (mut open, mut answered, mut lost) = (0, 0, 0);
    let begun = Instant::now();
    for batch in datagrams.chunks(BATCH).cycle() {
        if begun.elapsed() > time {
            break;
        }
        generator.send(batch)?;
        open += batch.len();
        while open > WINDOW {
            let count = generator.receive(|_| {})?;
            if count == 0 {
                lost += open;
                open = 0;
            }
            answered += count;
            open = open.saturating_sub(count);
        }
    }
    while open > 0 {
        let count = generator.receive(|_| {})?;
        if count == 0 {
            break;
        }
        answered += count;
        open = open.saturating_sub(count);
    }
    println!("{answered} answered, {} lost", lost + open);
    Ok(())
}
