//! Questions of the webapi to the tracker, and their answers: the frames on the DEALER and ROUTER sockets.
//!
//! A question is `id u64 ‖ kind ‖ arguments…`, one frame each; its answer begins with the same id and kind, or with
//! the kind `error` and a sentence. ZeroMQ's own identity frame is not among them. Numbers are big-endian.

mod connection;
mod decision;
mod peer_record;

pub use connection::{CONNECTION_LEN, Connection};
pub use decision::{DECISION_LEN, Decision, PROTOCOLS, Protocol, VERDICTS, Verdict, pack, unpack};
pub use peer_record::{PEER_RECORD_LEN, PeerRecord};

use crate::InfoHash;
use crate::messages::counts::{self, MAX_RECORDS, Position, Record};
use crate::messages::report::Report;

const SNAPSHOT: &[u8] = b"snapshot";
const PEERS: &[u8] = b"peers";
const REPORTS: &[u8] = b"reports";
const ANNOUNCES: &[u8] = b"announces";
const CONNECTIONS: &[u8] = b"connections";
const ERROR: &[u8] = b"error";

/// Peer records in one frame at most: it stays below 64 KiB.
const MAX_PEER_RECORDS: usize = (64 * 1024 - 1) / PEER_RECORD_LEN;

/// Why frames are not a question or not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first frame is not an id, without which nothing can be answered.
    #[error("the first frame must be an id of 8 bytes")]
    Id,
    /// This version does not know the kind. Holds the id, for the answer.
    #[error("request {0} is of an unknown kind; tracker and webapi must be of one version")]
    Kind(u64),
    /// The arguments do not fit the kind. Holds the id, for the answer.
    #[error("request {0} has malformed arguments; tracker and webapi must be of one version")]
    Arguments(u64),
}

impl Error {
    /// The id for the answer, if the frames had one.
    pub fn id(self) -> Option<u64> {
        match self {
            Self::Id => None,
            Self::Kind(id) | Self::Arguments(id) => Some(id),
        }
    }
}

/// A question to the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// The counts of all torrents with peers.
    Snapshot,
    /// The connected peers.
    Peers {
        /// The canonical hash of one torrent; `None` for all.
        info_hash: Option<InfoHash>,
        /// Peers to send at most.
        limit: u32,
    },
    /// The next batch of accounting reports.
    Reports {
        /// A batch that has been applied, so that the tracker may drop it.
        applied: Option<Position>,
    },
    /// A member's latest announces and what became of them.
    Announces {
        /// Id of the member.
        member: u32,
    },
    /// Whether the tracker could connect to a member's clients.
    Connections {
        /// Id of the member.
        member: u32,
    },
}

impl Request {
    /// The frames of the question.
    pub fn encode(&self, id: u64) -> Vec<Vec<u8>> {
        let mut frames = vec![id.to_be_bytes().to_vec()];
        match self {
            Self::Snapshot => frames.push(SNAPSHOT.to_vec()),
            Self::Peers { info_hash, limit } => frames.extend([
                PEERS.to_vec(),
                info_hash.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
                limit.to_be_bytes().to_vec(),
            ]),
            Self::Reports { applied } => frames.extend([
                REPORTS.to_vec(),
                applied.map(|position| position.encode().to_vec()).unwrap_or_default(),
            ]),
            Self::Announces { member } => frames.extend([ANNOUNCES.to_vec(), member.to_be_bytes().to_vec()]),
            Self::Connections { member } => {
                frames.extend([CONNECTIONS.to_vec(), member.to_be_bytes().to_vec()]);
            }
        }
        frames
    }

    /// Reads the frames of a question: its id, and the question.
    pub fn decode(frames: &[impl AsRef<[u8]>]) -> Result<(u64, Self), Error> {
        let (id, kind, arguments) = split(frames)?;
        let malformed = Error::Arguments(id);
        let request = match (kind, arguments) {
            (SNAPSHOT, []) => Self::Snapshot,
            (PEERS, [hash, limit]) => {
                let info_hash = match hash.as_ref() {
                    [] => None,
                    hash => Some(InfoHash::try_from(hash).map_err(|_| malformed)?),
                };
                let limit = u32::from_be_bytes(limit.as_ref().try_into().map_err(|_| malformed)?);
                Self::Peers { info_hash, limit }
            }
            (REPORTS, [applied]) => {
                let applied = match applied.as_ref() {
                    [] => None,
                    position => Some(Position::decode(position).map_err(|_| malformed)?),
                };
                Self::Reports { applied }
            }
            (ANNOUNCES, [member]) => Self::Announces {
                member: u32::from_be_bytes(member.as_ref().try_into().map_err(|_| malformed)?),
            },
            (CONNECTIONS, [member]) => Self::Connections {
                member: u32::from_be_bytes(member.as_ref().try_into().map_err(|_| malformed)?),
            },
            (SNAPSHOT | PEERS | REPORTS | ANNOUNCES | CONNECTIONS, _) => return Err(malformed),
            _ => return Err(Error::Kind(id)),
        };
        Ok((id, request))
    }
}

/// An answer of the tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The counts of all torrents with peers. A torrent that is not listed has none.
    Snapshot {
        /// Position of the last message on the PUB socket whose counts these include.
        position: Position,
        /// In no order.
        records: Vec<Record>,
    },
    /// The connected peers.
    Peers {
        /// The number of all connected peers; `peers` may have fewer.
        total: u32,
        /// In no order.
        peers: Vec<PeerRecord>,
    },
    /// The oldest batch of reports that the webapi has not acknowledged.
    Reports {
        /// Position of the batch.
        position: Position,
        /// One report for each member and torrent; empty if there is nothing to report.
        reports: Vec<Report>,
    },
    /// A member's latest announces and what became of them, the newest first. Empty if the member made none since the
    /// tracker started.
    Announces(Vec<Decision>),
    /// The latest connections that the tracker tried to a member's clients: one for each endpoint, the newest first.
    Connections(Vec<Connection>),
    /// The question is refused, for the reason in this sentence.
    Error(String),
}

impl Answer {
    /// The frames of the answer to question `id`.
    pub fn encode(&self, id: u64) -> Vec<Vec<u8>> {
        let mut frames = vec![id.to_be_bytes().to_vec()];
        match self {
            Self::Snapshot { position, records } => {
                frames.extend([SNAPSHOT.to_vec(), position.encode().to_vec()]);
                frames.extend(records.chunks(MAX_RECORDS).map(counts::encode_records));
            }
            Self::Peers { total, peers } => {
                frames.extend([PEERS.to_vec(), total.to_be_bytes().to_vec()]);
                frames.extend(
                    peers
                        .chunks(MAX_PEER_RECORDS)
                        .map(|chunk| chunk.iter().flat_map(PeerRecord::encode).collect()),
                );
            }
            Self::Reports { position, reports } => frames.extend([
                REPORTS.to_vec(),
                position.encode().to_vec(),
                reports.iter().flat_map(Report::encode).collect(),
            ]),
            Self::Announces(decisions) => {
                frames.extend([ANNOUNCES.to_vec(), decisions.iter().flat_map(Decision::encode).collect()]);
            }
            Self::Connections(tried) => {
                frames.extend([CONNECTIONS.to_vec(), tried.iter().flat_map(Connection::encode).collect()]);
            }
            Self::Error(sentence) => frames.extend([ERROR.to_vec(), sentence.as_bytes().to_vec()]),
        }
        frames
    }

    /// Reads the frames of an answer: the id of its question, and the answer.
    pub fn decode(frames: &[impl AsRef<[u8]>]) -> Result<(u64, Self), Error> {
        let (id, kind, arguments) = split(frames)?;
        let malformed = Error::Arguments(id);
        let answer = match (kind, arguments) {
            (SNAPSHOT, [position, chunks @ ..]) => {
                let position = Position::decode(position.as_ref()).map_err(|_| malformed)?;
                let mut records = Vec::new();
                for chunk in chunks {
                    records.extend(counts::decode_records(chunk.as_ref()).map_err(|_| malformed)?);
                }
                Self::Snapshot { position, records }
            }
            (PEERS, [total, chunks @ ..]) => {
                let total = u32::from_be_bytes(total.as_ref().try_into().map_err(|_| malformed)?);
                let mut peers = Vec::new();
                for chunk in chunks {
                    let (chunk, []) = chunk.as_ref().as_chunks() else { return Err(malformed) };
                    for record in chunk {
                        peers.push(PeerRecord::decode(record).ok_or(malformed)?);
                    }
                }
                Self::Peers { total, peers }
            }
            (REPORTS, [position, reports]) => {
                let position = Position::decode(position.as_ref()).map_err(|_| malformed)?;
                let (reports, []) = reports.as_ref().as_chunks() else { return Err(malformed) };
                let reports = reports.iter().map(Report::decode).collect::<Option<_>>().ok_or(malformed)?;
                Self::Reports { position, reports }
            }
            (ANNOUNCES, [decisions]) => {
                let (decisions, []) = decisions.as_ref().as_chunks() else { return Err(malformed) };
                let decisions = decisions.iter().map(Decision::decode).collect::<Option<_>>();
                Self::Announces(decisions.ok_or(malformed)?)
            }
            (CONNECTIONS, [tried]) => {
                let (tried, []) = tried.as_ref().as_chunks() else { return Err(malformed) };
                let tried = tried.iter().map(Connection::decode).collect::<Option<_>>();
                Self::Connections(tried.ok_or(malformed)?)
            }
            (ERROR, [sentence]) => Self::Error(String::from_utf8_lossy(sentence.as_ref()).into_owned()),
            (SNAPSHOT | PEERS | REPORTS | ANNOUNCES | CONNECTIONS | ERROR, _) => return Err(malformed),
            _ => return Err(Error::Kind(id)),
        };
        Ok((id, answer))
    }
}

fn split<F: AsRef<[u8]>>(frames: &[F]) -> Result<(u64, &[u8], &[F]), Error> {
    let [id, rest @ ..] = frames else { return Err(Error::Id) };
    let id = u64::from_be_bytes(id.as_ref().try_into().map_err(|_| Error::Id)?);
    let [kind, arguments @ ..] = rest else { return Err(Error::Kind(id)) };
    Ok((id, kind.as_ref(), arguments))
}
