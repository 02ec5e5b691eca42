//! The state machine that fetches the `info` of one torrent from one peer.

mod blocks;
mod failure;
#[cfg(test)]
mod tests;

pub use failure::Failure;

use super::handshake::PROTOCOL;
use super::{
    EXTENSION_HANDSHAKE, Extended, ExtensionHandshake, HANDSHAKE_LEN, Handshake, MetadataMessage, Reader,
    UT_METADATA,
};
use crate::metainfo::{Hashes, Kind};
use crate::{InfoHash, PeerId};
use blocks::Blocks;

/// Blocks asked for and not there yet, at most. libtorrent lets an 11th block in its send buffer wait for a second
/// (`ut_metadata.cpp`), and Transmission rejects a 65th in its queue (`peer-msgs.cc`).
const WINDOW: usize = 10;

/// How much a peer may make us read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of `info`.
    pub info: usize,
    /// All other bytes: handshakes, heads of messages, and messages that are skipped, such as a bitfield.
    pub other: usize,
}

impl Default for Limits {
    /// 8 MiB of `info` (magneticod and bitmagnet take 10, libtorrent 4), and 4 MiB of others.
    fn default() -> Self {
        Self { info: 8 << 20, other: 4 << 20 }
    }
}

/// One connection to one peer, over which one `info` is fetched.
///
/// [`Fetch::input`] takes what the peer sent; after it, and at the beginning, [`Fetch::output`] is what is to be sent.
/// Until the peer's handshake is there, that is the own handshake alone: aria2 drops a connection with more. Time is
/// the caller's; when it is out, or the connection ends, [`Fetch::missing`] says what did not come.
#[derive(Debug)]
pub struct Fetch {
    hash: InfoHash,
    handshake: [u8; HANDSHAKE_LEN],
    /// Bytes of the peer's handshake that are there.
    filled: usize,
    /// Bytes that may still come from the peer.
    allowance: usize,
    reader: Reader,
    exchange: Exchange,
    output: Vec<u8>,
    /// How the fetch ended.
    over: Option<Result<(), Failure>>,
}

impl Fetch {
    /// A fetch of the `info` with this SHA-1, or with a SHA-256 that begins with `hash`.
    ///
    /// `peer_id` must be a random one for each connection: libtorrent closes one of two connections with the same.
    pub fn new(hash: InfoHash, peer_id: PeerId, limits: Limits) -> Self {
        Self {
            hash,
            handshake: [0; HANDSHAKE_LEN],
            filled: 0,
            allowance: limits.info.saturating_add(limits.other),
            reader: Reader::default(),
            exchange: Exchange { limit: limits.info, number: 0, named: false, blocks: None },
            output: Handshake::new(hash, peer_id).encode().to_vec(),
            over: None,
        }
    }

    /// The bytes to be sent, in order. The caller reports with [`Fetch::sent`] how many were.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Drops the first `count` bytes of the output.
    pub fn sent(&mut self, count: usize) {
        self.output.drain(..count.min(self.output.len()));
    }

    /// Takes bytes of the peer. Returns the raw `info` once it is there and its digest is right, `None` until then. The
    /// caller closes the connection after `info` and after a failure; later bytes change nothing.
    pub fn input(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(over) = self.over {
            return over.map(|()| None);
        }
        let result = self.read(bytes);
        match &result {
            Ok(None) => {}
            Ok(Some(_)) => self.over = Some(Ok(())),
            Err(failure) => self.over = Some(Err(*failure)),
        }
        result
    }

    /// What has not come so far: the reason if the connection ends now, or the time is out.
    ///
    /// A peer without `info` of its own, which is [`Failure::NoMetadata`], may have it later, but seldom has.
    pub fn missing(&self) -> Failure {
        match self.over {
            Some(Err(failure)) => failure,
            _ if self.filled < HANDSHAKE_LEN => Failure::Refused,
            _ if !self.exchange.named => Failure::NoExtensionHandshake,
            _ if self.exchange.blocks.is_none() => Failure::NoMetadata,
            _ => Failure::BrokenOff,
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let allowed = bytes.len().min(self.allowance);
        let beyond = allowed < bytes.len();
        let mut rest = self.read_handshake(&bytes[..allowed])?;
        self.allowance -= allowed;
        if self.filled == HANDSHAKE_LEN {
            loop {
                let (read, message) = self.reader.next(rest)?;
                rest = &rest[read..];
                let Some(message) = message else { break };
                if let Some(info) = self.exchange.take(message, &mut self.output)? {
                    return if self.is_right(&info) { Ok(Some(info)) } else { Err(Failure::WrongDigest) };
                }
            }
        }
        if beyond { Err(Failure::TooMuch) } else { Ok(None) }
    }

    /// Takes what belongs to the peer's handshake, and returns the bytes after it.
    fn read_handshake<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Failure> {
        if self.filled == HANDSHAKE_LEN {
            return Ok(bytes);
        }
        let (own, rest) = bytes.split_at(bytes.len().min(HANDSHAKE_LEN - self.filled));
        self.handshake[self.filled..self.filled + own.len()].copy_from_slice(own);
        self.filled += own.len();
        let begun = self.filled.min(PROTOCOL.len());
        if self.handshake[..begun] != PROTOCOL[..begun] {
            return Err(Failure::OtherProtocol);
        }
        if self.filled == HANDSHAKE_LEN {
            // The info hash may be the other one of a hybrid: the digest of what comes decides.
            let handshake = Handshake::parse(&self.handshake).ok_or(Failure::OtherProtocol)?;
            if !handshake.has_extensions() {
                return Err(Failure::NoExtensions);
            }
            let own = ExtensionHandshake { ut_metadata: Some(UT_METADATA), metadata_size: None };
            own.write(&mut self.output);
        }
        Ok(rest)
    }

    /// Whether `info` has the hash that was asked for, by either version (BEP 3, BEP 52).
    fn is_right(&self, info: &[u8]) -> bool {
        [Kind::V1, Kind::V2].iter().any(|kind| Hashes::of(info, *kind).canonical() == self.hash)
    }
}

/// What has been agreed on with the peer, and what has come.
#[derive(Debug)]
struct Exchange {
    /// Bytes of `info` at most.
    limit: usize,
    /// The peer's number of `ut_metadata`; 0 while it has none.
    number: u8,
    /// Whether the peer sent an extension handshake.
    named: bool,
    /// The blocks, once the size is known.
    blocks: Option<Blocks>,
}

impl Exchange {
    /// Takes a message, and appends requests to `output`. Returns `info` when its last block has come.
    fn take(&mut self, message: Extended<'_>, output: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Failure> {
        if message.number == EXTENSION_HANDSHAKE {
            self.agree(ExtensionHandshake::parse(message.payload).ok_or(Failure::Malformed)?)?;
        } else {
            match MetadataMessage::parse(message.payload).ok_or(Failure::Malformed)? {
                MetadataMessage::Data { piece, block, .. } => {
                    let blocks = self.blocks.as_mut().ok_or(Failure::Unasked)?;
                    if let Some(info) = blocks.take(piece, block)? {
                        return Ok(Some(info));
                    }
                }
                MetadataMessage::Reject { .. } => return Err(Failure::Rejected),
                // A request is not answered: it is for `info` that we do not have.
                MetadataMessage::Request { .. } | MetadataMessage::Unknown => {}
            }
        }
        if let Some(blocks) = self.blocks.as_mut().filter(|_| self.number != 0) {
            while let Some(piece) = blocks.ask(WINDOW) {
                MetadataMessage::Request { piece }.write(self.number, output);
            }
        }
        Ok(None)
    }

    fn agree(&mut self, handshake: ExtensionHandshake) -> Result<(), Failure> {
        self.named = true;
        self.number = handshake.ut_metadata.unwrap_or(self.number);
        let Some(size) = handshake.metadata_size else { return Ok(()) };
        let limit = self.limit;
        let fitting = usize::try_from(size).ok().filter(|size| *size <= limit);
        let fitting = fitting.ok_or(Failure::TooLarge { size, limit })?;
        match &self.blocks {
            Some(blocks) if blocks.size() != fitting => Err(Failure::OtherSize),
            Some(_) => Ok(()),
            None => {
                self.blocks = Some(Blocks::new(fitting));
                Ok(())
            }
        }
    }
}
