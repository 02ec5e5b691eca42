//! Reads a datagram.

use std::net::SocketAddr;

use super::{Body, ErrorReply, MAX_TRANSACTION_LEN, Message, Method, Query, Reply, Values, Want};
use crate::bencode::{self, Limits, Value, first_value};
use crate::compact::{read_v4, read_v6};
use crate::dht::node_id::NodeId;
use crate::peer::unmapped;

/// The limits of libtorrent 2.1 for a datagram (`dht_tracker.cpp`).
const LIMITS: Limits = Limits { depth: 10, tokens: 500 };

/// Why a datagram is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<'a> {
    /// It begins with no bencoded value.
    #[error("it is not bencoding: {0}")]
    Bencode(#[from] bencode::Error),
    /// It is no dictionary, or `y` is none of `q`, `r` and `e`.
    #[error("it is neither query, reply nor error")]
    Kind,
    /// `t` is missing, no string, or longer than [`MAX_TRANSACTION_LEN`]. There is no way to answer.
    #[error("it has no transaction of at most {MAX_TRANSACTION_LEN} bytes")]
    Transaction,
    /// An argument that the query demands is missing or malformed. The answer is [`ErrorReply::PROTOCOL`].
    #[error("the query has no sound {key}")]
    Query {
        /// The query's transaction.
        transaction: &'a [u8],
        /// Key of the argument.
        key: &'static str,
    },
    /// The id is missing, or a string of fixed parts has another length (Transmission blacklists its sender).
    #[error("the reply has no sound {key}")]
    Reply {
        /// The reply's transaction.
        transaction: &'a [u8],
        /// Key of the value.
        key: &'static str,
    },
}

impl<'a> Message<'a> {
    /// Reads a datagram. Bytes after its dictionary, unknown keys and the order of keys are ignored. An optional value
    /// of another type or length than it should have counts as missing, except for `nodes`, `nodes6` and `samples`,
    /// which must be whole.
    pub fn read(datagram: &'a [u8]) -> Result<Self, ReadError<'a>> {
        let top = Top::read(first_value(datagram, &LIMITS)?).ok_or(ReadError::Kind)?;
        let transaction = top.transaction.filter(|transaction| transaction.len() <= MAX_TRANSACTION_LEN);
        let transaction = transaction.ok_or(ReadError::Transaction)?;
        let body = match top.kind {
            Some(b"q") => {
                let query = Query::read(top.method, top.arguments);
                Body::Query(query.map_err(|key| ReadError::Query { transaction, key })?)
            }
            Some(b"r") => {
                let reply = Reply::read(top.reply);
                Body::Reply(reply.map_err(|key| ReadError::Reply { transaction, key })?)
            }
            Some(b"e") => Body::Error(ErrorReply::read(top.error)),
            _ => return Err(ReadError::Kind),
        };
        Ok(Self { transaction, version: top.version, read_only: top.read_only, asker: top.asker, body })
    }
}

/// The values of the outer dictionary.
#[derive(Default)]
struct Top<'a> {
    arguments: Option<Value<'a>>,
    error: Option<Value<'a>>,
    asker: Option<SocketAddr>,
    method: Option<&'a [u8]>,
    reply: Option<Value<'a>>,
    read_only: bool,
    transaction: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl<'a> Top<'a> {
    fn read(value: Value<'a>) -> Option<Self> {
        let mut top = Self::default();
        for entry in value.dict()? {
            let value = entry.value;
            match entry.key {
                b"a" => top.arguments = Some(value),
                b"e" => top.error = Some(value),
                b"ip" => top.asker = endpoint(value),
                b"q" => top.method = value.string(),
                b"r" => top.reply = Some(value),
                b"ro" => top.read_only = flag(value),
                b"t" => top.transaction = value.string(),
                b"v" => top.version = value.string(),
                b"y" => top.kind = value.string(),
                _ => {}
            }
        }
        Some(top)
    }
}

/// The values of `a`.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the wire")]
struct Arguments<'a> {
    id: Option<NodeId>,
    implied_port: bool,
    info_hash: Option<[u8; 20]>,
    no_seeds: bool,
    port: Option<u16>,
    scrape: bool,
    seed: bool,
    target: Option<NodeId>,
    token: Option<&'a [u8]>,
    want: Option<Want>,
}

impl<'a> Arguments<'a> {
    fn read(value: Value<'a>) -> Option<Self> {
        let mut arguments = Self::default();
        for entry in value.dict()? {
            let value = entry.value;
            match entry.key {
                b"id" => arguments.id = node_id(value),
                b"implied_port" => arguments.implied_port = flag(value),
                b"info_hash" => arguments.info_hash = fixed(value).copied(),
                b"noseed" => arguments.no_seeds = flag(value),
                b"port" => arguments.port = number(value),
                b"scrape" => arguments.scrape = flag(value),
                b"seed" => arguments.seed = flag(value),
                b"target" => arguments.target = node_id(value),
                b"token" => arguments.token = value.string(),
                b"want" => arguments.want = Want::read(value),
                _ => {}
            }
        }
        Some(arguments)
    }
}

impl<'a> Query<'a> {
    /// The error is the key of what is missing or malformed.
    fn read(name: Option<&'a [u8]>, arguments: Option<Value<'a>>) -> Result<Self, &'static str> {
        let name = name.ok_or("q")?;
        let arguments = arguments.and_then(Arguments::read).ok_or("a")?;
        let Arguments { target, want, implied_port, .. } = arguments;
        let id = arguments.id.ok_or("id")?;
        let info_hash = arguments.info_hash.ok_or("info_hash");
        let method = match name {
            b"ping" => Method::Ping,
            b"find_node" => Method::FindNode { target: target.ok_or("target")?, want },
            b"get_peers" => Method::GetPeers {
                info_hash: info_hash?.into(),
                no_seeds: arguments.no_seeds,
                scrape: arguments.scrape,
                want,
            },
            b"announce_peer" => {
                let port = arguments.port.filter(|port| *port != 0);
                Method::AnnouncePeer {
                    info_hash: info_hash?.into(),
                    port: port.or(implied_port.then_some(0)).ok_or("port")?,
                    implied_port,
                    seed: arguments.seed,
                    token: arguments.token.ok_or("token")?,
                }
            }
            b"sample_infohashes" => Method::SampleInfohashes { target: target.ok_or("target")?, want },
            _ => Method::Unknown { name, target: target.or(arguments.info_hash.map(NodeId::from)), want },
        };
        Ok(Self { id, method })
    }
}

impl Want {
    fn read(value: Value<'_>) -> Option<Self> {
        let says = |family: &[u8]| {
            value.list().is_some_and(|mut list| list.any(|item| item.string() == Some(family)))
        };
        match (says(b"n4"), says(b"n6")) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::V4),
            (false, true) => Some(Self::V6),
            (false, false) => None,
        }
    }
}

impl<'a> Reply<'a> {
    /// The error is the key of what is missing or malformed.
    fn read(value: Option<Value<'a>>) -> Result<Self, &'static str> {
        let mut id = None;
        let mut reply = Self::new([0; 20].into());
        for entry in value.and_then(Value::dict).ok_or("r")? {
            let value = entry.value;
            match entry.key {
                b"BFpe" => reply.peers_filter = fixed(value),
                b"BFsd" => reply.seeds_filter = fixed(value),
                b"id" => id = node_id(value),
                b"interval" => reply.interval = number(value),
                b"nodes" => reply.nodes = Some(parts(value).ok_or("nodes")?),
                b"nodes6" => reply.nodes6 = Some(parts(value).ok_or("nodes6")?),
                b"num" => reply.num = number(value),
                b"p" => reply.port = number(value),
                b"samples" => reply.samples = Some(parts(value).ok_or("samples")?),
                b"token" => reply.token = value.string(),
                b"values" => reply.values = Values::read(value),
                _ => {}
            }
        }
        Ok(Self { id: id.ok_or("id")?, ..reply })
    }
}

impl<'a> ErrorReply<'a> {
    fn read(value: Option<Value<'a>>) -> Self {
        let mut items = value.and_then(Value::list).into_iter().flatten();
        let code = items.next().and_then(number).unwrap_or(0);
        Self { code, text: items.next().and_then(Value::string).unwrap_or_default() }
    }
}

/// A compact endpoint of either family.
fn endpoint(value: Value<'_>) -> Option<SocketAddr> {
    let v4 = fixed(value).map(|wire| read_v4(*wire).into());
    v4.or_else(|| fixed(value).map(|wire| unmapped(read_v6(wire).into())))
}

fn node_id(value: Value<'_>) -> Option<NodeId> {
    fixed(value).copied().map(NodeId::from)
}

/// Any number but 0 sets a flag.
fn flag(value: Value<'_>) -> bool {
    value.int().is_some_and(|number| number != 0)
}

fn number<T: TryFrom<i64>>(value: Value<'_>) -> Option<T> {
    T::try_from(value.int()?).ok()
}

/// A string of `N` bytes.
fn fixed<const N: usize>(value: Value<'_>) -> Option<&[u8; N]> {
    value.string()?.try_into().ok()
}

/// A string of whole parts of `N` bytes.
fn parts<const N: usize>(value: Value<'_>) -> Option<&[[u8; N]]> {
    let (parts, rest) = value.string()?.as_chunks();
    rest.is_empty().then_some(parts)
}
