//! Scrapes, written and read: the counts of torrents (BEP 48, with `downloaders` of BEP 21).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_bytes::ByteBuf;

use crate::InfoHash;
use crate::announce::DecodeError;
use crate::bencode;
use crate::bencode::writer::{integer, string};
use crate::query::{Malformed, decode_20, encode_20, pairs};
use crate::swarm::Counts;

/// Torrents in one scrape at most: as many as fit into a UDP datagram (BEP 15).
pub const MAX_HASHES: usize = 74;

const LIMITS: bencode::Limits = bencode::Limits { depth: 8, tokens: 100_000 };

/// Why a scrape is refused: a sentence for `failure reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No hash is given. The tracker does not list all torrents.
    #[error("The scrape lacks `info_hash`; ask for the torrents by name")]
    Missing,
    /// A hash does not decode to 20 bytes.
    #[error("`info_hash` must be 20 bytes, percent-encoded")]
    NotTwentyBytes,
    /// There are more than [`MAX_HASHES`] hashes.
    #[error("The scrape asks for more than {MAX_HASHES} torrents; ask for them in several requests")]
    TooMany,
}

/// The torrents that a scrape asks about, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// One to [`MAX_HASHES`] hashes, which may repeat.
    pub hashes: Vec<InfoHash>,
}

impl Request {
    /// Reads a raw query (without `?`).
    pub fn parse(query: &[u8]) -> Result<Self, Error> {
        let mut hashes = Vec::new();
        for (_, value) in pairs(query).filter(|(name, _)| *name == b"info_hash") {
            if hashes.len() == MAX_HASHES {
                return Err(Error::TooMany);
            }
            hashes.push(decode_20(value).map_err(|Malformed| Error::NotTwentyBytes)?.into());
        }
        if hashes.is_empty() { Err(Error::Missing) } else { Ok(Self { hashes }) }
    }

    /// Appends the query that [`Request::parse`] reads back as this request.
    pub fn write_query(&self, out: &mut String) {
        for (position, hash) in self.hashes.iter().enumerate() {
            out.push_str(if position == 0 { "info_hash=" } else { "&info_hash=" });
            encode_20(hash.as_bytes(), out);
        }
    }
}

/// Appends the bencoded answer for the torrents in `files`, which it sorts. A repeated hash is written once.
pub fn encode(files: &mut [(InfoHash, Counts)], out: &mut Vec<u8>) {
    files.sort_unstable_by_key(|(hash, _)| *hash);
    out.extend_from_slice(b"d5:filesd");
    let mut last = None;
    for (hash, counts) in files {
        if last.replace(*hash) == Some(*hash) {
            continue;
        }
        string(out, hash.as_bytes());
        out.extend_from_slice(b"d8:complete");
        integer(out, counts.seeders.into());
        out.extend_from_slice(b"10:downloaded");
        integer(out, counts.snatched.into());
        out.extend_from_slice(b"11:downloaders");
        integer(out, counts.downloaders.into());
        out.extend_from_slice(b"10:incomplete");
        integer(out, counts.leechers.into());
        out.push(b'e');
    }
    out.extend_from_slice(b"ee");
}

/// Reads the body of an answer. A refusal is `Ok(Err(…))` with the tracker's sentence.
pub fn decode(body: &[u8]) -> Result<Result<BTreeMap<InfoHash, Counts>, String>, DecodeError> {
    bencode::check(body, &LIMITS)?;
    let wire: Wire = serde_bencode::from_bytes(body)?;
    if let Some(reason) = wire.failure_reason {
        return Ok(Err(String::from_utf8_lossy(&reason).into_owned()));
    }
    let files = wire.files.into_iter().filter_map(|(hash, file)| {
        let counts = Counts {
            seeders: file.complete,
            leechers: file.incomplete,
            downloaders: file.downloaders.unwrap_or(file.incomplete),
            snatched: file.downloaded,
        };
        Some((InfoHash::try_from(hash.as_slice()).ok()?, counts))
    });
    Ok(Ok(files.collect()))
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "failure reason")]
    failure_reason: Option<ByteBuf>,
    #[serde(default)]
    files: BTreeMap<ByteBuf, WireFile>,
}

#[derive(Deserialize)]
struct WireFile {
    #[serde(default)]
    complete: u32,
    #[serde(default)]
    downloaded: u32,
    downloaders: Option<u32>,
    #[serde(default)]
    incomplete: u32,
}
