//! Live counts from the tracker to the webapi: the frames on the PUB socket.

use crate::InfoHash;
use crate::swarm::Counts;

/// Frame 0 of each message: the topic to subscribe to.
pub const TOPIC: &[u8] = b"counts";

/// Bytes of one record.
pub const RECORD_LEN: usize = 32;

/// Records in one message, or in one frame of a snapshot, at most: it stays below 64 KiB.
pub const MAX_RECORDS: usize = (64 * 1024 - 1) / RECORD_LEN;

/// Why frames are not a message of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The number of frames is not three.
    #[error("a message of counts has 3 frames, this one {0}")]
    Frames(usize),
    /// The topic is not [`TOPIC`].
    #[error("the message is not of the topic `counts`")]
    Topic,
    /// The position is not 16 bytes.
    #[error("epoch and sequence number are 16 bytes, not {0}")]
    Position(usize),
    /// The records break off.
    #[error("{0} bytes are not a whole number of records of {RECORD_LEN} bytes")]
    Records(usize),
}

/// The position of a message in the stream of counts, or of a batch among reports. A snapshot has the position of the
/// last message whose counts it includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Random, drawn anew at each start of the tracker.
    pub epoch: u64,
    /// The number of the message or batch in its epoch.
    pub seq: u64,
}

impl Position {
    /// Both numbers big-endian, 16 bytes.
    pub fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[8..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }

    /// Reads what [`Position::encode`] writes.
    pub fn decode(frame: &[u8]) -> Result<Self, Error> {
        let bytes: [u8; 16] = frame.try_into().map_err(|_| Error::Position(frame.len()))?;
        let [e0, e1, e2, e3, e4, e5, e6, e7, seq @ ..] = bytes;
        let epoch = u64::from_be_bytes([e0, e1, e2, e3, e4, e5, e6, e7]);
        Ok(Self { epoch, seq: u64::from_be_bytes(seq) })
    }
}

/// The present counts of one torrent: absolute numbers, not differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The torrent's canonical info hash.
    pub info_hash: InfoHash,
    /// Peers that lack nothing.
    pub seeders: u32,
    /// All other peers.
    pub leechers: u32,
    /// Downloads that were finished, ever.
    pub snatched: u32,
}

impl Record {
    /// The record for `counts`.
    pub fn new(info_hash: InfoHash, counts: Counts) -> Self {
        let Counts { seeders, leechers, snatched, .. } = counts;
        Self { info_hash, seeders, leechers, snatched }
    }

    fn encode(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        bytes[..20].copy_from_slice(self.info_hash.as_bytes());
        bytes[20..24].copy_from_slice(&self.seeders.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.leechers.to_be_bytes());
        bytes[28..].copy_from_slice(&self.snatched.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; RECORD_LEN]) -> Self {
        let [hash @ .., a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3] = *bytes;
        let hash: [u8; 20] = hash;
        Self {
            info_hash: hash.into(),
            seeders: u32::from_be_bytes([a0, a1, a2, a3]),
            leechers: u32::from_be_bytes([b0, b1, b2, b3]),
            snatched: u32::from_be_bytes([c0, c1, c2, c3]),
        }
    }
}

/// Records one after the other, for frame 2 and for the frames of a snapshot.
pub fn encode_records(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(Record::encode).collect()
}

/// Reads what [`encode_records`] writes.
pub fn decode_records(frame: &[u8]) -> Result<impl Iterator<Item = Record>, Error> {
    match frame.as_chunks::<RECORD_LEN>() {
        (chunks, []) => Ok(chunks.iter().map(Record::decode)),
        _ => Err(Error::Records(frame.len())),
    }
}

/// The three frames of one message. `records` are at most [`MAX_RECORDS`]; none at all is a heartbeat.
pub fn encode(position: Position, records: &[Record]) -> [Vec<u8>; 3] {
    [TOPIC.to_vec(), position.encode().to_vec(), encode_records(records)]
}

/// Reads the frames of one message.
pub fn decode(frames: &[impl AsRef<[u8]>]) -> Result<(Position, Vec<Record>), Error> {
    let [topic, position, records] = frames else { return Err(Error::Frames(frames.len())) };
    if topic.as_ref() != TOPIC {
        return Err(Error::Topic);
    }
    Ok((Position::decode(position.as_ref())?, decode_records(records.as_ref())?.collect()))
}
