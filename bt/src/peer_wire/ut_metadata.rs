//! Messages of `ut_metadata`: a dictionary, and in [`MetadataMessage::Data`] a block after it (BEP 9).

use super::{BENCODE_LIMITS, write_extended};
use crate::bencode;
use crate::bencode::writer::{integer, string};

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataMessage<'a> {
    /// Asks for a block of `info`.
    Request {
        /// Which block, from 0.
        piece: u32,
    },
    /// A block of `info`.
    Data {
        /// Which block, from 0.
        piece: u32,
        /// Bytes of `info`, as the sender claims.
        total_size: Option<u64>,
        /// What follows the dictionary.
        block: &'a [u8],
    },
    /// The sender does not send a block: it has no `info`, or the torrent is private.
    Reject {
        /// Which block, from 0.
        piece: u32,
    },
    /// A `msg_type` that BEP 9 does not know, to be ignored.
    Unknown,
}

impl<'a> MetadataMessage<'a> {
    /// Reads the payload; `None` if it does not begin with a dictionary in strict bencoding, or `msg_type` or `piece`
    /// is missing.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let dict = bencode::first_value(payload, &BENCODE_LIMITS).ok()?;
        let (mut msg_type, mut piece, mut total_size) = (None, None, None);
        for entry in dict.dict()? {
            match entry.key {
                b"msg_type" => msg_type = entry.value.int(),
                b"piece" => piece = entry.value.int().and_then(|piece| u32::try_from(piece).ok()),
                b"total_size" => total_size = entry.value.int().and_then(|size| u64::try_from(size).ok()),
                _ => {}
            }
        }
        Some(match msg_type? {
            0 => Self::Request { piece: piece? },
            1 => Self::Data { piece: piece?, total_size, block: &payload[dict.raw().len()..] },
            2 => Self::Reject { piece: piece? },
            _ => Self::Unknown,
        })
    }

    /// Appends the whole message under the receiver's `number`. [`MetadataMessage::Unknown`] appends nothing.
    pub fn write(&self, number: u8, out: &mut Vec<u8>) {
        let (msg_type, piece, total_size, block) = match *self {
            Self::Request { piece } => (0, piece, None, &[][..]),
            Self::Data { piece, total_size, block } => (1, piece, total_size, block),
            Self::Reject { piece } => (2, piece, None, &[][..]),
            Self::Unknown => return,
        };
        write_extended(number, out, |out| {
            out.push(b'd');
            string(out, b"msg_type");
            integer(out, msg_type);
            string(out, b"piece");
            integer(out, piece.into());
            if let Some(size) = total_size {
                string(out, b"total_size");
                integer(out, size);
            }
            out.push(b'e');
            out.extend_from_slice(block);
        });
    }
}
