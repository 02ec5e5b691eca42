//! The peer wire protocol, as far as metadata is fetched with it: handshake (BEP 3), extension protocol (BEP 10) and
//! the exchange of `info` dictionaries, `ut_metadata` (BEP 9).
//!
//! Nothing here touches a socket: [`Fetch`] takes what a peer sent, in any fragments, and says what to send. It is made
//! of [`Handshake`], [`Reader`], [`ExtensionHandshake`] and [`MetadataMessage`].

mod extension;
mod fetch;
mod handshake;
mod reader;
#[cfg(test)]
mod tests;
mod ut_metadata;

pub use extension::ExtensionHandshake;
pub use fetch::{Failure, Fetch, Limits};
pub use handshake::{HANDSHAKE_LEN, Handshake};
pub use reader::{Extended, MAX_EXTENDED, MAX_MESSAGE, Reader, TooLong};
pub use ut_metadata::MetadataMessage;

use crate::bencode;

/// Bytes of `info` in one `ut_metadata` message; the last block has what is left (BEP 9).
pub const METADATA_BLOCK: usize = 16 * 1024;

/// The number under which peers send us `ut_metadata` messages; our extension handshake says so.
pub const UT_METADATA: u8 = 1;

/// Id of an extended message (BEP 10).
const EXTENDED: u8 = 20;

/// Number of the extension handshake among extended messages (BEP 10).
const EXTENSION_HANDSHAKE: u8 = 0;

/// Key of the extension in `m` (BEP 9).
const UT_METADATA_KEY: &[u8] = b"ut_metadata";

/// Extension handshakes of clients have about 50 values, and two open dictionaries.
const BENCODE_LIMITS: bencode::Limits = bencode::Limits { depth: 16, tokens: 4096 };

/// Appends an extended message, whose payload `write` appends: `length[4] 20 number payload`.
fn write_extended(number: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, EXTENDED, number]);
    write(out);
    let [_, _, _, _, length @ ..] = ((out.len() - start - 4) as u64).to_be_bytes();
    out[start..start + 4].copy_from_slice(&length);
}
