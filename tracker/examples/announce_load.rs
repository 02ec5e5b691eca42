//! The load of the announce benchmark: members and torrents, the peers, and the requests that `wrk` repeats.
//!
//! Torrent `i` has the info hash `sha256(i)[..20]`; peers are spread over the torrents by Zipf's law with exponent 0.8.
//! Two peers in three are seeders. Everything follows from the numbers: two runs make the same load.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use bt::{InfoHash, announce_key};
use clap::{Parser, Subcommand};
use infra::config::Config;
use infra::secrets::Keys;
use sha2::{Digest, Sha256};

const MEMBERS: u32 = 1000;
const ZIPF_EXPONENT: f64 = 0.8;
const PIPELINE: usize = 64;

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
    /// Adds the members and torrents to the configuration's database
    Fill,
    /// Prints the info hashes in hexadecimal, for a tracker with a list of its own
    Hashes,
    /// Prints request targets of random peers, one a line
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
}

/// Which peers announce what.
struct Plan {
    /// The number of the first peer of each torrent, and the number of all at the end.
    first_peer: Vec<u32>,
    hashes: Vec<InfoHash>,
    keys: Option<Keys>,
}

impl Plan {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let keys = arguments.config.as_deref().map(Config::read).transpose()?;
        let weights: Vec<f64> =
            (1..=arguments.torrents).map(|rank| f64::from(rank).powf(-ZIPF_EXPONENT)).collect();
        let total: f64 = weights.iter().sum();
        let mut reached = 0.0;
        let mut first_peer = vec![0];
        for weight in weights {
            reached += weight;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a u32 is one"
            )]
            first_peer.push((f64::from(arguments.peers) * reached / total).round() as u32);
        }
        Ok(Self {
            first_peer,
            hashes: (1..=arguments.torrents).map(hash).collect(),
            keys: keys.map(|config| Keys::derive(&config.salt)),
        })
    }

    /// The request target of peer number `peer`.
    fn target(&self, peer: u32) -> String {
        let torrent = self.first_peer.partition_point(|first| *first <= peer) - 1;
        let hash = self.hashes[torrent];
        let mut target = String::with_capacity(320);
        if let Some(keys) = &self.keys {
            let key = announce_key::mint(&keys.announce, 1 + peer % MEMBERS, 0, Some(hash));
            let _ = write!(target, "/announce/{key}");
        }
        target.push_str("/announce?info_hash=");
        for byte in hash.as_bytes() {
            if byte.is_ascii_alphanumeric() {
                target.push(char::from(*byte));
            } else {
                let _ = write!(target, "%{byte:02X}");
            }
        }
        let port = 1024 + (peer - self.first_peer[torrent]) % 64_000;
        let left = if peer.is_multiple_of(3) { 700_000_000 } else { 0 };
        let _ = write!(
            target,
            "&peer_id=-BN0100-{peer:012}&port={port}&uploaded=0&downloaded=0&left={left}&corrupt=0&key=4C1B2A90\
             &numwant=50&compact=1&no_peer_id=1&supportcrypto=1&redundant=0"
        );
        target
    }
}

fn hash(torrent: u32) -> InfoHash {
    let digest: [u8; 32] = Sha256::digest(torrent.to_be_bytes()).into();
    let mut short = [0; 20];
    short.copy_from_slice(&digest[..20]);
    short.into()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::new(&arguments)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match &arguments.step {
        Step::Fill => fill(&arguments).await?,
        Step::Hashes => {
            for hash in &plan.hashes {
                writeln!(out, "{hash}")?;
            }
        }
        Step::Targets { count } => {
            let mut rng = fastrand::Rng::with_seed(1);
            for _ in 0..*count {
                writeln!(out, "{}", plan.target(rng.u32(0..arguments.peers)))?;
            }
        }
        Step::Load { address, close } => load(&plan, arguments.peers, address, *close)?,
    }
    Ok(())
}

async fn fill(arguments: &Arguments) -> anyhow::Result<()> {
    let config = Config::read(arguments.config.as_deref().context("--config is needed for this step")?)?;
    let client = infra::db::connect(&config.migrate.postgresql, "bench").await?;
    client
        .batch_execute(&format!(
            "insert into users (name, password_hash) select 'member' || i, '' from generate_series(1, {MEMBERS}) i;
             insert into torrents (info_hash_v1, title, size, file_count, search)
                 select substring(sha256(int4send(i)) from 1 for 20), 'Torrent ' || i, 700000000, 1, ''
                 from generate_series(1, {}) i",
            arguments.torrents
        ))
        .await?;
    Ok(())
}

fn load(plan: &Plan, peers: u32, address: &str, close: bool) -> anyhow::Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(address)?);
    let numbers: Vec<u32> = (0..peers).collect();
    for batch in numbers.chunks(if close { 1 } else { PIPELINE }) {
        let mut requests = String::new();
        for peer in batch {
            let _ = write!(requests, "GET {} HTTP/1.1\r\nHost: bench\r\n\r\n", plan.target(*peer));
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
