//! The peers of a reply to `get_peers`.

use std::net::SocketAddr;

use crate::bencode::Value;
use crate::compact::{V4_LEN, V6_LEN, read_v4, read_v6};

/// `values`: a list of strings, each one compact peer (BEP 5, BEP 32).
///
/// The family of the packet decides of which family the peers are. Lists of both are read, and strings of several IPv4
/// peers; strings whose length is no multiple of 6 bytes are ignored, and so are items that are no strings.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a>(Source<'a>);

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    /// A list that was read.
    List(Value<'a>),
    V4(&'a [[u8; V4_LEN]]),
    V6(&'a [[u8; V6_LEN]]),
}

impl<'a> Values<'a> {
    /// Peers for an asker over IPv4.
    pub fn v4(peers: &'a [[u8; V4_LEN]]) -> Self {
        Self(Source::V4(peers))
    }

    /// Peers for an asker over IPv6.
    pub fn v6(peers: &'a [[u8; V6_LEN]]) -> Self {
        Self(Source::V6(peers))
    }

    /// The list of a checked datagram; `None` if the value is no list.
    pub(super) fn read(value: Value<'a>) -> Option<Self> {
        value.list().map(|_| Self(Source::List(value)))
    }

    /// The peers whose port is not 0, from a packet over IPv4, or over IPv6 for `is_v6`.
    ///
    /// A string of 18 bytes is one IPv6 peer, except when it is the only string of a packet over IPv4: there it is
    /// three IPv4 peers (libtorrent 2.1, `get_peers.cpp`).
    pub fn peers(&self, is_v6: bool) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let is_joined = !is_v6 && self.strings().nth(1).is_none();
        self.strings()
            .flat_map(move |text| {
                let v6 = text.as_array::<V6_LEN>().filter(|_| !is_joined);
                let v4 = if v6.is_some() { &[][..] } else { text.as_chunks::<V4_LEN>().0 };
                v6.map(|wire| read_v6(wire).into())
                    .into_iter()
                    .chain(v4.iter().map(|wire| read_v4(*wire).into()))
            })
            .filter(|peer: &SocketAddr| peer.port() != 0)
    }

    /// The strings that hold peers.
    pub(super) fn strings(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (list, v4, v6) = match self.0 {
            Source::List(value) => (value.list(), &[][..], &[][..]),
            Source::V4(peers) => (None, peers, &[][..]),
            Source::V6(peers) => (None, &[][..], peers),
        };
        let read = list.into_iter().flatten().filter_map(Value::string);
        read.filter(|text| !text.is_empty() && text.len().is_multiple_of(V4_LEN))
            .chain(v4.iter().map(|wire| &wire[..]))
            .chain(v6.iter().map(|wire| &wire[..]))
    }
}

/// Equal if the same strings follow each other, whether they were read or are to be written.
impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.strings().eq(other.strings())
    }
}

impl Eq for Values<'_> {}
