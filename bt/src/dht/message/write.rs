//! Writes a datagram.

use std::net::SocketAddr;

use super::{Body, ErrorReply, MAX_LEN, Message, Method, Query, Reply, Values, Want};
use crate::InfoHash;
use crate::bencode::writer::{integer, raw_entry, string};
use crate::compact::{V4_LEN, V6_LEN, write_v4, write_v6};
use crate::peer::unmapped;

/// The datagram would have more than [`MAX_LEN`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the datagram would have more than {MAX_LEN} bytes")]
pub struct TooLong;

impl Message<'_> {
    /// Appends the datagram to `out`, which stays as it was if the datagram would be too long.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let start = out.len();
        self.append(out);
        if out.len() - start > MAX_LEN {
            out.truncate(start);
            return Err(TooLong);
        }
        Ok(())
    }

    /// How many peers of one family fit into `values` of this reply, beside all else that it has. `values` that are set
    /// do not count. `out` is room to work in and stays as it was.
    pub fn fitting_values(&self, is_v6: bool, out: &mut Vec<u8>) -> usize {
        let size = if is_v6 { "18:".len() + V6_LEN } else { "6:".len() + V4_LEN };
        self.room(|reply| reply.values = Some(Values::v4(&[])), out) / size
    }

    /// How many info hashes fit into `samples` of this reply, beside all else that it has. `samples` that are set do
    /// not count. `out` is room to work in and stays as it was.
    pub fn fitting_samples(&self, out: &mut Vec<u8>) -> usize {
        let room = self.room(|reply| reply.samples = Some(&[]), out);
        // The number of bytes stands before the samples; its first digit is written for none, too.
        let more_digits = |count: usize| (count * 20).checked_ilog10().unwrap_or(0) as usize;
        (0..=room / 20).rev().find(|count| count * 20 + more_digits(*count) <= room).unwrap_or(0)
    }

    /// Bytes that are left when `change` was made to the reply; 0 for queries and errors.
    fn room(&self, change: impl FnOnce(&mut Reply<'_>), out: &mut Vec<u8>) -> usize {
        let mut message = *self;
        let Body::Reply(reply) = &mut message.body else { return 0 };
        change(reply);
        let start = out.len();
        message.append(out);
        let length = out.len() - start;
        out.truncate(start);
        MAX_LEN.saturating_sub(length)
    }

    fn append(&self, out: &mut Vec<u8>) {
        out.push(b'd');
        match &self.body {
            Body::Query(query) => query.append(out),
            Body::Error(error) => error.append(out),
            Body::Reply(_) => {}
        }
        match self.asker.map(unmapped) {
            Some(SocketAddr::V4(v4)) => string_entry(out, b"ip", &write_v4(v4)),
            Some(SocketAddr::V6(v6)) => string_entry(out, b"ip", &write_v6(v6)),
            None => {}
        }
        match &self.body {
            Body::Query(query) => string_entry(out, b"q", query.method.name()),
            Body::Reply(reply) => reply.append(out),
            Body::Error(_) => {}
        }
        flag_entry(out, b"ro", self.read_only);
        string_entry(out, b"t", self.transaction);
        if let Some(version) = self.version {
            string_entry(out, b"v", version);
        }
        let kind = match self.body {
            Body::Query(_) => b"q",
            Body::Reply(_) => b"r",
            Body::Error(_) => b"e",
        };
        string_entry(out, b"y", kind);
        out.push(b'e');
    }
}

impl Method<'_> {
    /// `q`.
    fn name(&self) -> &[u8] {
        match self {
            Self::Ping => b"ping",
            Self::FindNode { .. } => b"find_node",
            Self::GetPeers { .. } => b"get_peers",
            Self::AnnouncePeer { .. } => b"announce_peer",
            Self::SampleInfohashes { .. } => b"sample_infohashes",
            Self::Unknown { name, .. } => name,
        }
    }
}

impl Query<'_> {
    /// `a`.
    fn append(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"1:ad");
        string_entry(out, b"id", self.id.as_bytes());
        match self.method {
            Method::Ping => {}
            Method::FindNode { target, want } | Method::SampleInfohashes { target, want } => {
                string_entry(out, b"target", target.as_bytes());
                want_entry(out, want);
            }
            Method::GetPeers { info_hash, no_seeds, scrape, want } => {
                info_hash_entry(out, info_hash);
                flag_entry(out, b"noseed", no_seeds);
                flag_entry(out, b"scrape", scrape);
                want_entry(out, want);
            }
            Method::AnnouncePeer { info_hash, port, implied_port, seed, token } => {
                flag_entry(out, b"implied_port", implied_port);
                info_hash_entry(out, info_hash);
                integer_entry(out, b"port", port.into());
                flag_entry(out, b"seed", seed);
                string_entry(out, b"token", token);
            }
            Method::Unknown { name: _, target, want } => {
                if let Some(target) = target {
                    string_entry(out, b"target", target.as_bytes());
                }
                want_entry(out, want);
            }
        }
        out.push(b'e');
    }
}

impl Reply<'_> {
    /// `r`.
    fn append(&self, out: &mut Vec<u8>) {
        let optional = |out: &mut Vec<u8>, key: &[u8], text: Option<&[u8]>| {
            if let Some(text) = text {
                string_entry(out, key, text);
            }
        };
        out.extend_from_slice(b"1:rd");
        optional(out, b"BFpe", self.peers_filter.map(|filter| &filter[..]));
        optional(out, b"BFsd", self.seeds_filter.map(|filter| &filter[..]));
        string_entry(out, b"id", self.id.as_bytes());
        if let Some(interval) = self.interval {
            integer_entry(out, b"interval", interval.into());
        }
        optional(out, b"nodes", self.nodes.map(<[_]>::as_flattened));
        optional(out, b"nodes6", self.nodes6.map(<[_]>::as_flattened));
        if let Some(num) = self.num {
            integer_entry(out, b"num", num.into());
        }
        if let Some(port) = self.port {
            integer_entry(out, b"p", port.into());
        }
        optional(out, b"samples", self.samples.map(<[_]>::as_flattened));
        optional(out, b"token", self.token);
        if let Some(values) = self.values {
            raw_entry(out, b"values", b"l");
            for text in values.strings() {
                string(out, text);
            }
            out.push(b'e');
        }
        out.push(b'e');
    }
}

impl ErrorReply<'_> {
    /// `e`.
    fn append(&self, out: &mut Vec<u8>) {
        raw_entry(out, b"e", b"l");
        integer(out, self.code.into());
        string(out, self.text);
        out.push(b'e');
    }
}

fn string_entry(out: &mut Vec<u8>, key: &[u8], text: &[u8]) {
    string(out, key);
    string(out, text);
}

fn integer_entry(out: &mut Vec<u8>, key: &[u8], value: u64) {
    string(out, key);
    integer(out, value);
}

/// A flag that is not set is left out.
fn flag_entry(out: &mut Vec<u8>, key: &[u8], is_set: bool) {
    if is_set {
        integer_entry(out, key, 1);
    }
}

fn info_hash_entry(out: &mut Vec<u8>, info_hash: InfoHash) {
    string_entry(out, b"info_hash", info_hash.as_bytes());
}

fn want_entry(out: &mut Vec<u8>, want: Option<Want>) {
    let list: &[u8] = match want {
        None => return,
        Some(Want::V4) => b"l2:n4e",
        Some(Want::V6) => b"l2:n6e",
        Some(Want::Both) => b"l2:n42:n6e",
    };
    raw_entry(out, b"want", list);
}
