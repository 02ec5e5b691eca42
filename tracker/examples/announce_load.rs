//! The load of the announce benchmark: members and torrents, the peers, and the requests that `wrk` repeats.

#[path = "load/plan.rs"]
mod plan;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv6Addr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bt::messages::control::{Answer, Request};
use clap::{Parser, Subcommand};
use infra::config::Config;
use zeromq::{DealerSocket, Socket, SocketRecv, SocketSend};

use plan::{Announce, Plan, members};

const PIPELINE: usize = 64;

/// Time between two questions for reports if there were none.
const PACE: Duration = Duration::from_millis(500);

#[derive(Parser)]
struct Arguments {
    /// Peers in all
    #[arg(long, default_value_t = 1_000_000)]
    peers: u32,
    /// Torrents that they are spread over; 0 for as many as it takes for swarms of 20 to 50
    #[arg(long, default_value_t = 10_000)]
    torrents: u32,
    /// Percentage of peers with an IPv6 address, which is sent as a trusted proxy does
    #[arg(long, default_value_t = 0)]
    v6: u32,
    /// The tracker's configuration; without it the requests carry no key, as for a tracker without accounts
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Adds the members and torrents to the configuration's database
    Fill,
    /// Prints the info hashes in hexadecimal, for a tracker with a list of its own
    Hashes,
    /// Prints request targets of random peers, one a line; behind a tab the address to send, if there is one
    Targets {
        /// How many
        count: u32,
    },
    /// Announces every peer once to ADDR:PORT
    Load {
        /// The tracker
        address: String,
        /// A connection for each announce, for a tracker that keeps none
        #[arg(long)]
        close: bool,
    },
    /// Takes the tracker's reports and acknowledges them, until it is killed, as fast a webapi as there can be
    Drain,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::new(arguments.peers, arguments.torrents, arguments.config.as_deref())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match &arguments.step {
        Step::Fill => fill(&arguments, plan.hashes.len()).await?,
        Step::Hashes => {
            for hash in &plan.hashes {
                writeln!(out, "{hash}")?;
            }
        }
        Step::Targets { count } => {
            let mut rng = fastrand::Rng::with_seed(1);
            for _ in 0..*count {
                let peer = rng.u32(0..arguments.peers);
                let address = arguments.address(peer).map(|address| format!("\t{address}"));
                writeln!(out, "{}{}", target(&plan.announce(peer)), address.unwrap_or_default())?;
            }
        }
        Step::Load { address, close } => load(&plan, &arguments, address, *close)?,
        Step::Drain => drain(&arguments).await?,
    }
    Ok(())
}

impl Arguments {
    /// The address of a peer that does not have the connection's.
    fn address(&self, peer: u32) -> Option<Ipv6Addr> {
        let bits = (u128::from(0x2001_0db8_u32) << 96) | (u128::from(peer) << 64) | 1;
        (peer % 100 < self.v6).then(|| Ipv6Addr::from_bits(bits))
    }
}

async fn fill(arguments: &Arguments, torrents: usize) -> anyhow::Result<()> {
    let config = Config::read(arguments.config.as_deref().context("--config is needed for this step")?)?;
    let client = infra::db::connect(&config.migrate.postgresql, "bench").await?;
    client
        .batch_execute(&format!(
            "insert into users (name, password_hash, key_nonce) select 'member' || i, '', '' from generate_series(1, {}) i;
             insert into torrents (info_hash_v1, title, size, file_count, search)
                 select substring(sha256(int4send(i)) from 1 for 20), 'Torrent ' || i, 700000000, 1, ''
                 from generate_series(1, {}) i",
            members(arguments.peers),
            torrents
        ))
        .await?;
    Ok(())
}

/// The target of the HTTP request that sends this announce.
fn target(announce: &Announce) -> String {
    let Announce { path, hash, peer_id, port, left } = announce;
    let mut target = String::with_capacity(320);
    let _ = write!(target, "{path}?info_hash=");
    for byte in hash.as_bytes() {
        if byte.is_ascii_alphanumeric() {
            target.push(char::from(*byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
    let peer_id = String::from_utf8_lossy(peer_id);
    let _ = write!(
        target,
        "&peer_id={peer_id}&port={port}&uploaded=0&downloaded=0&left={left}&corrupt=0&key=4C1B2A90\
         &numwant=50&compact=1&no_peer_id=1&supportcrypto=1&redundant=0"
    );
    target
}

fn load(plan: &Plan, arguments: &Arguments, address: &str, close: bool) -> anyhow::Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(address)?);
    // Peers arrive in random order, as people do, not one torrent after the other.
    let mut numbers: Vec<u32> = (0..arguments.peers).collect();
    fastrand::Rng::with_seed(2).shuffle(&mut numbers);
    for batch in numbers.chunks(if close { 1 } else { PIPELINE }) {
        let mut requests = String::new();
        for peer in batch {
            let _ = write!(requests, "GET {} HTTP/1.1\r\nHost: bench\r\n", target(&plan.announce(*peer)));
            if let Some(address) = arguments.address(*peer) {
                let _ = write!(requests, "X-Forwarded-For: {address}\r\n");
            }
            requests.push_str("\r\n");
        }
        if close {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(requests.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            ensure!(contains(&answer, b"8:intervali"), "refused: {}", String::from_utf8_lossy(&answer));
            continue;
        }
        connection.get_mut().write_all(requests.as_bytes())?;
        for _ in batch {
            let answer = read_answer(&mut connection)?;
            ensure!(contains(&answer, b"8:intervali"), "refused: {}", String::from_utf8_lossy(&answer));
        }
    }
    Ok(())
}

async fn drain(arguments: &Arguments) -> anyhow::Result<()> {
    let config = Config::read(arguments.config.as_deref().context("--config is needed for this step")?)?;
    let mut control = DealerSocket::new();
    control.connect(&config.zeromq.control).await?;
    let mut applied = None;
    for id in 1.. {
        let question = Request::Reports { applied }.encode(id).into_iter().map(Into::into);
        control.send(infra::mq::message(question)?).await?;
        let (_, answer) = Answer::decode(&control.recv().await?.into_vec())?;
        let Answer::Reports { position, reports } = answer else {
            bail!("the tracker answered another question")
        };
        applied = (!reports.is_empty()).then_some(position);
        if reports.is_empty() {
            tokio::time::sleep(PACE).await;
        }
    }
    Ok(())
}

fn contains(answer: &[u8], part: &[u8]) -> bool {
    answer.windows(part.len()).any(|window| window == part)
}

fn read_answer(connection: &mut BufReader<TcpStream>) -> anyhow::Result<Vec<u8>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        ensure!(connection.read_line(&mut line)? > 0, "the tracker closed the connection");
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(body)
}
