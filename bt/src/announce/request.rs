//! The query of an announce.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::InfoHash;
use crate::peer::PeerId;
use crate::query::{Malformed, decode_20, encode_20, pairs};
use crate::swarm::{Announcement, IdentityKey, client_prefix};

/// What a peer says has happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Event {
    /// A regular announce; an empty or unknown `event` is the same.
    #[default]
    None,
    /// The first announce of a session.
    Started,
    /// The peer leaves.
    Stopped,
    /// The download has just finished.
    Completed,
    /// A partial seed: incomplete, but fetches nothing (BEP 21).
    Paused,
}

/// Why an announce is refused: a sentence for `failure reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A parameter that must be there is not, or is empty.
    #[error("The announce lacks `{0}`; a BitTorrent client sends it by itself")]
    Missing(&'static str),
    /// A hash or an id that is not 20 bytes once decoded.
    #[error("`{0}` must be 20 bytes, percent-encoded")]
    NotTwentyBytes(&'static str),
    /// More than one torrent in one announce.
    #[error("The announce names `info_hash` twice; send one announce for each torrent")]
    RepeatedInfoHash,
    /// A port that nobody can listen on.
    #[error("`port` must be a number from 1 to 65535; set the listening port of your client")]
    Port,
    /// A counter that is negative, too large or no number.
    #[error("`{0}` must be a whole number of bytes, from 0 to 18446744073709551615")]
    Counter(&'static str),
}

/// How many peers are given to one who does not say, and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumWant {
    /// Given when `numwant` is absent, negative or no number.
    pub default: u32,
    /// Given when more is asked for.
    pub cap: u32,
}

impl Default for NumWant {
    fn default() -> Self {
        Self { default: 50, cap: 200 }
    }
}

/// One announce as the client sent it. Its own idea of its address (`ip`, `ipv4`, `ipv6`) is not read:
/// BEP 7 calls that an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// SHA-1 of the `info` (v1), or the truncated SHA-256 (v2, BEP 52).
    pub info_hash: InfoHash,
    /// The client's own id.
    pub peer_id: PeerId,
    /// Where it listens, 1 to 65535.
    pub port: u16,
    /// Bytes sent since `started`.
    pub uploaded: u64,
    /// Bytes received since `started`.
    pub downloaded: u64,
    /// Bytes it lacks; absent only in a `stopped`.
    pub left: Option<u64>,
    /// What has happened.
    pub event: Event,
    /// Peers wanted; `None` when absent, negative or no number.
    pub numwant: Option<u32>,
    /// Whether the answer may be compact (BEP 23): yes, unless `compact=0`.
    pub compact: bool,
    /// Stays the same when the client's address changes; hexadecimal, 32 bits as in BEP 15.
    pub key: Option<u32>,
}

impl Request {
    /// Reads a raw query (without `?`) in one pass and without allocating.
    ///
    /// A parameter without `=`, an empty one and an unknown one are ignored; of a repeated one the last counts,
    /// but `info_hash` may not be repeated. `+` is a plus sign.
    pub fn parse(query: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::default();
        for (name, value) in pairs(query) {
            fields.set(name, value)?;
        }
        fields.finish()
    }

    /// How many peers to give.
    pub fn wanted(&self, limits: NumWant) -> u32 {
        self.numwant.unwrap_or(limits.default).min(limits.cap)
    }

    /// What the swarm is told: this request, made by `member` from `ip`.
    pub fn announcement(&self, member: u32, key: &IdentityKey, ip: IpAddr, limits: NumWant) -> Announcement {
        Announcement {
            member,
            identity: key.identity(&self.peer_id),
            client: client_prefix(&self.peer_id),
            endpoint: (ip, self.port).into(),
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            left: self.left,
            event: self.event,
            numwant: self.wanted(limits),
        }
    }

    /// Appends the query that [`Request::parse`] reads back as this request.
    pub fn write_query(&self, out: &mut String) {
        out.push_str("info_hash=");
        encode_20(self.info_hash.as_bytes(), out);
        out.push_str("&peer_id=");
        encode_20(&self.peer_id, out);
        let Self { port, uploaded, downloaded, .. } = self;
        let _ = write!(out, "&port={port}&uploaded={uploaded}&downloaded={downloaded}");
        if let Some(left) = self.left {
            let _ = write!(out, "&left={left}");
        }
        out.push_str(match self.event {
            Event::None => "",
            Event::Started => "&event=started",
            Event::Stopped => "&event=stopped",
            Event::Completed => "&event=completed",
            Event::Paused => "&event=paused",
        });
        if let Some(numwant) = self.numwant {
            let _ = write!(out, "&numwant={numwant}");
        }
        out.push_str(if self.compact { "&compact=1" } else { "&compact=0" });
        if let Some(key) = self.key {
            let _ = write!(out, "&key={key:08x}");
        }
    }
}

/// What has been read of a query so far.
#[derive(Default)]
struct Fields {
    info_hash: Option<[u8; 20]>,
    peer_id: Option<PeerId>,
    port: Option<u16>,
    uploaded: Option<u64>,
    downloaded: Option<u64>,
    left: Option<u64>,
    event: Event,
    numwant: Option<u32>,
    dictionary: bool,
    key: Option<u32>,
}

impl Fields {
    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        match name {
            b"info_hash" => {
                let hash = decode_20(value).map_err(|Malformed| Error::NotTwentyBytes("info_hash"))?;
                if self.info_hash.replace(hash).is_some() {
                    return Err(Error::RepeatedInfoHash);
                }
            }
            b"peer_id" => {
                let id = decode_20(value).map_err(|Malformed| Error::NotTwentyBytes("peer_id"))?;
                self.peer_id = Some(id);
            }
            b"port" => {
                let port = number(value).and_then(|port| u16::try_from(port).ok()).filter(|&port| port != 0);
                self.port = Some(port.ok_or(Error::Port)?);
            }
            b"uploaded" => self.uploaded = Some(number(value).ok_or(Error::Counter("uploaded"))?),
            b"downloaded" => self.downloaded = Some(number(value).ok_or(Error::Counter("downloaded"))?),
            b"left" => self.left = Some(number(value).ok_or(Error::Counter("left"))?),
            b"event" => self.event = event(value),
            b"numwant" => self.numwant = count(value),
            b"compact" => self.dictionary = value == b"0",
            b"key" => self.key = key(value),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Request, Error> {
        // A client that leaves has nothing more to account for, and some send no counters then.
        let gone = self.event == Event::Stopped;
        let counter = |value: Option<u64>, name| match value {
            Some(value) => Ok(value),
            None if gone => Ok(0),
            None => Err(Error::Missing(name)),
        };
        if self.left.is_none() && !gone {
            return Err(Error::Missing("left"));
        }
        Ok(Request {
            info_hash: self.info_hash.ok_or(Error::Missing("info_hash"))?.into(),
            peer_id: self.peer_id.ok_or(Error::Missing("peer_id"))?,
            port: self.port.ok_or(Error::Missing("port"))?,
            uploaded: counter(self.uploaded, "uploaded")?,
            downloaded: counter(self.downloaded, "downloaded")?,
            left: self.left,
            event: self.event,
            numwant: self.numwant,
            compact: !self.dictionary,
            key: self.key,
        })
    }
}

/// Decimal digits that fit 64 bits; no sign.
fn number(value: &[u8]) -> Option<u64> {
    value.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Like [`number`], but a number too large for 32 bits is the largest.
fn count(value: &[u8]) -> Option<u32> {
    value.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| number.saturating_mul(10).saturating_add(u32::from(digit)))
    })
}

fn event(value: &[u8]) -> Event {
    match value {
        b"started" => Event::Started,
        b"stopped" => Event::Stopped,
        b"completed" => Event::Completed,
        b"paused" => Event::Paused,
        _ => Event::None,
    }
}

fn key(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value).ok().and_then(|text| u32::from_str_radix(text, 16).ok())
}
