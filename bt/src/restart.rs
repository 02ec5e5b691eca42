//! The file that carries the tracker's memory over a restart: peers with their sessions, reports that the webapi has
//! not applied, members and torrents.
//!
//! ```text
//! "FWSWARMS" ‖ version u32 ‖ section… ‖ end
//! section = kind u8 ‖ length u32 ‖ payload[length]
//! end     = a section whose payload is the BLAKE3 hash of all bytes before it
//! ```
//!
//! Numbers are big-endian. The file holds peers' addresses, so only the tracker may read it. It holds no secrets.
//!
//! Version 1, whose members have no nonce, is read as well, so that an upgrade keeps the peers.

mod peer;
mod section;

use crate::info_hash::InfoHash;
use crate::messages::counts::Position;
use crate::messages::report::{MAX_REPORTS, Report};
use crate::peer::ClientPrefix;
use crate::swarm::StoredPeer;
pub use section::{Member, Section, Torrent};

/// The first bytes of the file.
const MAGIC: &[u8; 8] = b"FWSWARMS";

/// The version that is written.
pub const VERSION: u32 = 2;

/// The oldest version that is read.
const OLDEST: u32 = 1;

/// Bytes before the first section.
const HEADER_LEN: usize = 12;

/// Bytes of a section before its payload.
const FRAME_LEN: usize = 5;

/// Bytes of a payload at most. All client prefixes fit, and so does any other section.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Peers in one section at most.
pub const MAX_PEERS: usize = 4096;

/// Members or torrents in one section at most.
pub const MAX_ROWS: usize = 10_000;

const SAVED: u8 = 1;
const CLIENTS: u8 = 2;
const MEMBERS: u8 = 3;
const TORRENTS: u8 = 4;
const REPORTS: u8 = 5;
const SWARM: u8 = 6;
const END: u8 = 255;

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It begins with other bytes.
    #[error("it is not a restart file of Fairywren")]
    Foreign,
    /// Its version is 0 or above [`VERSION`].
    #[error("it is of version {0}, this program reads versions {OLDEST} to {VERSION}")]
    Version(u32),
    /// It ends before its end section.
    #[error("it breaks off")]
    Cut,
    /// Its hash is not that of its bytes, or bytes follow it.
    #[error("its checksum is wrong")]
    Checksum,
    /// A section is longer than any that is written, of an unknown kind, or malformed.
    #[error("it has a malformed section")]
    Section,
}

/// What the file has of a swarm beside its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwarmHead {
    /// The torrent's canonical info hash.
    pub info_hash: InfoHash,
    /// Members who have finished a download, as the database counts them.
    pub snatched: u32,
}

/// Writes a file, piece by piece.
#[derive(Debug)]
pub struct Writer {
    hasher: blake3::Hasher,
    bytes: Vec<u8>,
}

impl Default for Writer {
    /// A file that has its header only.
    fn default() -> Self {
        let bytes = [&MAGIC[..], &VERSION.to_be_bytes()].concat();
        Self { hasher: blake3::Hasher::new(), bytes }
    }
}

impl Writer {
    /// The bytes since the last [`Writer::clear`], to be written to the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Drops the bytes that have been written.
    pub fn clear(&mut self) {
        self.hasher.update(&self.bytes);
        self.bytes.clear();
    }

    /// The time at which the file is written, in seconds since 1970, from which the silence of peers is counted back.
    pub fn saved(&mut self, at: u64) {
        self.section(SAVED, |bytes| bytes.extend_from_slice(&at.to_be_bytes()));
    }

    /// The client prefixes, by the numbers that peers have.
    pub fn clients(&mut self, prefixes: &[ClientPrefix]) {
        self.section(CLIENTS, |bytes| bytes.extend_from_slice(prefixes.as_flattened()));
    }

    /// Some of the members, [`MAX_ROWS`] at most.
    pub fn members(&mut self, members: impl Iterator<Item = Member>) {
        self.section(MEMBERS, |bytes| {
            members.take(MAX_ROWS).for_each(|member| bytes.extend_from_slice(&member.encode()));
        });
    }

    /// Some of the torrents, [`MAX_ROWS`] at most.
    pub fn torrents(&mut self, torrents: impl Iterator<Item = Torrent>) {
        self.section(TORRENTS, |bytes| {
            torrents.take(MAX_ROWS).for_each(|torrent| bytes.extend_from_slice(&torrent.encode()));
        });
    }

    /// One batch of reports.
    pub fn reports(&mut self, position: Position, reports: &[Report]) {
        self.section(REPORTS, |bytes| {
            bytes.extend_from_slice(&position.encode());
            reports.iter().take(MAX_REPORTS).for_each(|report| bytes.extend_from_slice(&report.encode()));
        });
    }

    /// Some of a swarm's peers, [`MAX_PEERS`] at most. Swarms must come in the order of the first byte of their hashes.
    pub fn swarm(&mut self, head: &SwarmHead, peers: impl Iterator<Item = StoredPeer>) {
        self.section(SWARM, |bytes| {
            bytes.extend_from_slice(head.info_hash.as_bytes());
            bytes.extend_from_slice(&head.snatched.to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
            peers.take(MAX_PEERS).for_each(|peer| peer::encode(&peer, bytes));
        });
    }

    /// Ends the file. [`Writer::bytes`] then has its last piece.
    pub fn finish(&mut self) {
        self.hasher.update(&self.bytes);
        let hash = self.hasher.finalize();
        self.section(END, |bytes| bytes.extend_from_slice(hash.as_bytes()));
    }

    fn section(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(kind);
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; FRAME_LEN - 1]);
        write(&mut self.bytes);
        let length = self.bytes.len() - length_at - (FRAME_LEN - 1);
        debug_assert!(length <= MAX_PAYLOAD, "{length} bytes");
        let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        self.bytes[length_at..length_at + length.len()].copy_from_slice(&length);
    }
}

/// A section that is not decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct RawSection<'a> {
    /// Version of the file.
    version: u32,
    kind: u8,
    payload: &'a [u8],
}

impl RawSection<'_> {
    /// Decodes the section.
    pub fn decode(&self) -> Result<Section, Error> {
        Section::decode(self.version, self.kind, self.payload).ok_or(Error::Section)
    }
}

/// What [`Reader::read`] found.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Nothing complete: more bytes are needed.
    Partial,
    /// The header.
    Header,
    /// A section.
    Section(RawSection<'a>),
    /// The end section. Its hash says that everything before it is as it was written.
    End,
}

/// Reads a file section by section, and keeps none of them.
#[derive(Debug, Default)]
pub struct Reader {
    hasher: blake3::Hasher,
    /// Version of the file, once its header has been read.
    version: Option<u32>,
    ended: bool,
}

impl Reader {
    /// Reads the next step from `bytes`, which begin where the step before ended, and returns how many of them it took.
    ///
    /// A step needs at most `MAX_PAYLOAD + 5` bytes.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<(usize, Step<'a>), Error> {
        if self.ended {
            return if bytes.is_empty() { Ok((0, Step::End)) } else { Err(Error::Checksum) };
        }
        let Some(version) = self.version else { return self.read_header(bytes) };
        let Some((frame, rest)) = bytes.split_first_chunk::<FRAME_LEN>() else {
            return Ok((0, Step::Partial));
        };
        let [kind, length @ ..] = *frame;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_PAYLOAD {
            return Err(Error::Section);
        }
        let Some(payload) = rest.get(..length) else { return Ok((0, Step::Partial)) };
        let whole = FRAME_LEN + length;
        if kind == END {
            self.ended = true;
            let right = *payload == self.hasher.finalize().as_bytes()[..];
            return if right { Ok((whole, Step::End)) } else { Err(Error::Checksum) };
        }
        self.hasher.update(&bytes[..whole]);
        Ok((whole, Step::Section(RawSection { version, kind, payload })))
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> Result<(usize, Step<'a>), Error> {
        let magic = &bytes[..bytes.len().min(MAGIC.len())];
        if !MAGIC.starts_with(magic) {
            return Err(Error::Foreign);
        }
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else { return Ok((0, Step::Partial)) };
        let [.., a, b, c, d] = *header;
        let version = u32::from_be_bytes([a, b, c, d]);
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(Error::Version(version));
        }
        self.hasher.update(header);
        self.version = Some(version);
        Ok((HEADER_LEN, Step::Header))
    }
}

/// Reads a whole file from memory.
pub fn read_all(mut bytes: &[u8]) -> Result<Vec<Section>, Error> {
    let mut reader = Reader::default();
    let mut sections = Vec::new();
    loop {
        let (done, step) = reader.read(bytes)?;
        bytes = &bytes[done..];
        match step {
            Step::Partial => return Err(Error::Cut),
            Step::Header => {}
            Step::Section(section) => sections.push(section.decode()?),
            Step::End if bytes.is_empty() => return Ok(sections),
            Step::End => return Err(Error::Checksum),
        }
    }
}
