//! Messages after the handshakes, `length[4] id[1] payload`, out of any fragments (BEP 3).

use super::{EXTENDED, EXTENSION_HANDSHAKE, UT_METADATA};

/// Bytes of a message at most, without its length: libtorrent's bound. The bitfield of the largest torrent has 256 KiB.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Bytes of an extension handshake or a `ut_metadata` message at most, without id and number: libtorrent's bound.
pub const MAX_EXTENDED: usize = 17 * 1024;

/// A message is longer than [`MAX_MESSAGE`], or one that is kept is longer than [`MAX_EXTENDED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("The peer sends a message of {length} bytes, which is too long")]
pub struct TooLong {
    /// In bytes, as claimed.
    pub length: usize,
}

/// An extension handshake (number 0) or a message of `ut_metadata` (number [`UT_METADATA`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended<'a> {
    /// The receiver's number of the extension.
    pub number: u8,
    /// What follows the number: a dictionary, and a block after it.
    pub payload: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first bytes of a message are still to come: its length, its id, the number of an extended message.
    Head,
    /// Bytes to come of a message that is not needed.
    Skip(usize),
    /// Bytes to come of an extended message.
    Keep { number: u8, left: usize },
}

/// Cuts a peer's bytes into messages and hands out the extended ones that are needed.
///
/// All others (bitfield, have-all, PORT, unchoke, unknown ones) are skipped without being kept. Of an extended message
/// as much is kept as has come, never as much as its length claims.
#[derive(Debug, Clone)]
pub struct Reader {
    state: State,
    head: [u8; 6],
    filled: usize,
    buffer: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { state: State::Head, head: [0; 6], filled: 0, buffer: Vec::new() }
    }
}

impl Reader {
    /// Reads `bytes` up to the end of the next extended message, if there is one. Returns how many bytes were read: all
    /// if there is no message. The caller passes the others in the next call.
    pub fn next<'a>(&'a mut self, bytes: &'a [u8]) -> Result<(usize, Option<Extended<'a>>), TooLong> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            match self.state {
                State::Head if rest.is_empty() => return Ok((at, None)),
                State::Head => at += self.read_head(rest)?,
                State::Skip(left) => {
                    let skipped = left.min(rest.len());
                    at += skipped;
                    if skipped < left {
                        self.state = State::Skip(left - skipped);
                        return Ok((at, None));
                    }
                    self.state = State::Head;
                }
                State::Keep { number, left } if rest.len() < left => {
                    self.buffer.extend_from_slice(rest);
                    self.state = State::Keep { number, left: left - rest.len() };
                    return Ok((bytes.len(), None));
                }
                State::Keep { number, left } => {
                    self.state = State::Head;
                    let mut payload = &rest[..left];
                    if !self.buffer.is_empty() {
                        self.buffer.extend_from_slice(payload);
                        payload = &self.buffer;
                    }
                    return Ok((at + left, Some(Extended { number, payload })));
                }
            }
        }
    }

    /// Reads bytes up to the payload of a message, at most. Returns how many.
    fn read_head(&mut self, bytes: &[u8]) -> Result<usize, TooLong> {
        for (read, byte) in bytes.iter().enumerate() {
            self.head[self.filled] = *byte;
            self.filled += 1;
            if let Some(state) = self.after_head()? {
                self.filled = 0;
                self.buffer.clear();
                self.state = state;
                return Ok(read + 1);
            }
        }
        Ok(bytes.len())
    }

    /// How the message goes on; `None` if more of its head must be read.
    fn after_head(&self) -> Result<Option<State>, TooLong> {
        let [a, b, c, d, id, number] = self.head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let state = match (self.filled, length) {
            (4, _) if length > MAX_MESSAGE => return Err(TooLong { length }),
            // A keep-alive.
            (4, 0) => State::Head,
            (5, _) if id != EXTENDED || length == 1 => State::Skip(length - 1),
            (6, _) if !matches!(number, EXTENSION_HANDSHAKE | UT_METADATA) => State::Skip(length - 2),
            (6, _) if length - 2 > MAX_EXTENDED => return Err(TooLong { length }),
            (6, _) => State::Keep { number, left: length - 2 },
            _ => return Ok(None),
        };
        Ok(Some(state))
    }
}
