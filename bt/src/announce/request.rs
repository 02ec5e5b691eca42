//! The query of an announce.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::InfoHash;
use crate::peer::{PeerId, client_prefix};
use crate::query::{Malformed, encode_20, take_20, take_number, take_value};
use crate::swarm::{Announcement, IdentityKey};

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
    /// A mandatory parameter is missing or empty.
    #[error("The announce lacks `{0}`; a BitTorrent client sends it by itself")]
    Missing(&'static str),
    /// A hash or peer id does not decode to 20 bytes.
    #[error("`{0}` must be 20 bytes, percent-encoded")]
    NotTwentyBytes(&'static str),
    /// `info_hash` is repeated.
    #[error("The announce names `info_hash` twice; send one announce for each torrent")]
    RepeatedInfoHash,
    /// The port is not a number from 1 to 65535.
    #[error("`port` must be a number from 1 to 65535; set the listening port of your client")]
    Port,
    /// A counter is negative, too large or not a number.
    #[error("`{0}` must be a whole number of bytes, from 0 to 18446744073709551615")]
    Counter(&'static str),
}

/// The numbers of peers in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumWant {
    /// Used if `numwant` is absent, negative or not a number.
    pub default: u32,
    /// Used if `numwant` is larger.
    pub cap: u32,
}

impl Default for NumWant {
    fn default() -> Self {
        Self { default: 50, cap: 200 }
    }
}

/// One announce as the client sent it.
///
/// `ip`, `ipv4` and `ipv6`, by which a client names its own address, are not read: a client could name another host's
/// (BEP 7). `key`, by which open trackers recognise a client whose address has changed, is not read either: here the
/// announce key names the member, and the peer id the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// SHA-1 of the `info` (v1), or the truncated SHA-256 (v2, BEP 52).
    pub info_hash: InfoHash,
    /// The client's peer id.
    pub peer_id: PeerId,
    /// The port it listens on, 1 to 65535.
    pub port: u16,
    /// Bytes sent since `started`.
    pub uploaded: u64,
    /// Bytes received since `started`.
    pub downloaded: u64,
    /// Bytes it lacks; `None` only with `stopped`.
    pub left: Option<u64>,
    /// The event.
    pub event: Event,
    /// Peers wanted; `None` if absent, negative or not a number.
    pub numwant: Option<u32>,
    /// Whether the answer may be compact (BEP 23): true unless `compact=0`.
    pub compact: bool,
}

impl Request {
    /// Reads a raw query (without `?`) in one pass and without allocating.
    ///
    /// Parameters without `=`, empty ones and unknown ones are ignored. Of a repeated parameter the last counts, but
    /// `info_hash` may not be repeated. `+` is a plus sign.
    pub fn parse(query: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::default();
        let mut rest = query;
        while let [first, ..] = rest {
            rest = fields.read(*first, rest)?;
        }
        fields.finish()
    }

    /// The number of peers for the answer.
    pub fn wanted(&self, limits: NumWant) -> u32 {
        self.numwant.unwrap_or(limits.default).min(limits.cap)
    }

    /// The announcement to the swarm for this request, made by `member` from `ip`.
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
    }
}

/// The parameters read so far.
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
}

impl Fields {
    /// Reads the pair at the beginning of `query`, whose first byte is `first`, and returns the rest.
    fn read<'a>(&mut self, first: u8, query: &'a [u8]) -> Result<&'a [u8], Error> {
        let named = |name: &[u8]| query.strip_prefix(name);
        match first {
            b'i' if let Some(value) = named(b"info_hash=") => self.read_info_hash(value),
            b'p' if let Some(value) = named(b"peer_id=") => {
                let wrong = |Malformed| Error::NotTwentyBytes("peer_id");
                Ok(keep(&mut self.peer_id, take_20(value).map_err(wrong)?))
            }
            b'p' if let Some(value) = named(b"port=") => self.read_port(value),
            b'u' if let Some(value) = named(b"uploaded=") => counter(&mut self.uploaded, "uploaded", value),
            b'd' if let Some(value) = named(b"downloaded=") => {
                counter(&mut self.downloaded, "downloaded", value)
            }
            b'l' if let Some(value) = named(b"left=") => counter(&mut self.left, "left", value),
            _ => Ok(self.read_choice(first, query)),
        }
    }

    /// The same for a pair without errors: a value that is not understood counts as absent.
    fn read_choice<'a>(&mut self, first: u8, query: &'a [u8]) -> &'a [u8] {
        let (pair, rest) = take_value(query);
        let named = |name: &[u8]| pair.strip_prefix(name).filter(|value| !value.is_empty());
        match first {
            b'e' if let Some(value) = named(b"event=") => self.event = event(value),
            b'n' if let Some(value) = named(b"numwant=") => self.numwant = count(value),
            b'c' if let Some(value) = named(b"compact=") => self.dictionary = value == b"0",
            _ => {}
        }
        rest
    }

    fn read_info_hash<'a>(&mut self, query: &'a [u8]) -> Result<&'a [u8], Error> {
        let (hash, rest) = take_20(query).map_err(|Malformed| Error::NotTwentyBytes("info_hash"))?;
        if hash.is_some() && self.info_hash.is_some() {
            return Err(Error::RepeatedInfoHash);
        }
        Ok(keep(&mut self.info_hash, (hash, rest)))
    }

    fn read_port<'a>(&mut self, query: &'a [u8]) -> Result<&'a [u8], Error> {
        let (port, rest) = take_number(query).map_err(|Malformed| Error::Port)?;
        if let Some(port) = port {
            self.port = Some(u16::try_from(port).ok().filter(|&port| port != 0).ok_or(Error::Port)?);
        }
        Ok(rest)
    }

    fn finish(self) -> Result<Request, Error> {
        // Some clients send no counters with `stopped`.
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
        })
    }
}

/// Sets a field unless the value is empty, and returns the rest of the query.
fn keep<'a, T>(field: &mut Option<T>, (value, rest): (Option<T>, &'a [u8])) -> &'a [u8] {
    if value.is_some() {
        *field = value;
    }
    rest
}

/// Reads a counter: decimal digits that fit 64 bits, without a sign.
fn counter<'a>(field: &mut Option<u64>, name: &'static str, query: &'a [u8]) -> Result<&'a [u8], Error> {
    Ok(keep(field, take_number(query).map_err(|Malformed| Error::Counter(name))?))
}

/// Reads decimal digits; a number above 32 bits becomes the largest.
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
