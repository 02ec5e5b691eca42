//! A tracker's answer in a datagram.

use std::borrow::Cow;

use super::{ANNOUNCE, CONNECT, ERROR, MAX_REPLY, SCRAPE};
use crate::compact::{V4_LEN, V6_LEN};
use crate::swarm::{Counts, PeerBuffer};

/// Bytes of an announce's answer before its peers.
const ANNOUNCE_LEN: usize = 20;

/// One answer, to be written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<'a> {
    /// A connection id.
    Connect(u64),
    /// The answer to an announce.
    Announce {
        /// Seconds until the next announce.
        interval: u32,
        /// Peers that lack something.
        leechers: u32,
        /// Peers that lack nothing.
        seeders: u32,
        /// 6 bytes for each peer over IPv4, 18 over IPv6.
        peers: &'a [u8],
    },
    /// The answer to a scrape: counts for each hash, in the order asked. `downloaders` is not sent.
    Scrape(Cow<'a, [Counts]>),
    /// A refusal: a sentence that the member can act on.
    Error(Cow<'a, str>),
}

impl<'a> Reply<'a> {
    /// The answer to an announce over IPv4, or over IPv6 for `is_v6`, with as many of `peers` as fit.
    pub fn announce(interval: u32, seeders: u32, leechers: u32, peers: &'a PeerBuffer, is_v6: bool) -> Self {
        let (peers, size) = if is_v6 { (peers.v6(), V6_LEN) } else { (peers.v4(), V4_LEN) };
        let fitting = (MAX_REPLY - ANNOUNCE_LEN) / size * size;
        Self::Announce { interval, leechers, seeders, peers: &peers[..peers.len().min(fitting)] }
    }

    /// Appends the datagram.
    pub fn write(&self, transaction: u32, out: &mut Vec<u8>) {
        match self {
            Self::Connect(id) => {
                write_numbers(&[CONNECT, transaction], out);
                out.extend_from_slice(&id.to_be_bytes());
            }
            Self::Announce { interval, leechers, seeders, peers } => {
                write_numbers(&[ANNOUNCE, transaction, *interval, *leechers, *seeders], out);
                out.extend_from_slice(peers);
            }
            Self::Scrape(files) => {
                write_numbers(&[SCRAPE, transaction], out);
                for counts in &**files {
                    write_numbers(&[counts.seeders, counts.snatched, counts.leechers], out);
                }
            }
            Self::Error(message) => {
                write_numbers(&[ERROR, transaction], out);
                out.extend_from_slice(message.as_bytes());
            }
        }
    }

    /// Reads the transaction and the answer from a tracker's datagram; `None` for bytes that are not BEP 15.
    pub fn read(datagram: &'a [u8]) -> Option<(u32, Self)> {
        let ([action, transaction], body) = read_numbers(datagram)?;
        let reply = match action {
            CONNECT => Self::Connect(u64::from_be_bytes(*body.first_chunk()?)),
            ANNOUNCE => {
                let ([interval, leechers, seeders], peers) = read_numbers(body)?;
                Self::Announce { interval, leechers, seeders, peers }
            }
            SCRAPE => {
                let files = body.as_chunks::<12>().0.iter().filter_map(|file| {
                    let ([seeders, snatched, leechers], _) = read_numbers(file)?;
                    Some(Counts { seeders, leechers, downloaders: leechers, snatched })
                });
                Self::Scrape(files.collect())
            }
            ERROR => Self::Error(String::from_utf8_lossy(body)),
            _ => return None,
        };
        Some((transaction, reply))
    }
}

fn write_numbers(numbers: &[u32], out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn read_numbers<const N: usize>(mut bytes: &[u8]) -> Option<([u32; N], &[u8])> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let (chunk, rest) = bytes.split_first_chunk()?;
        *number = u32::from_be_bytes(*chunk);
        bytes = rest;
    }
    Some((numbers, bytes))
}
