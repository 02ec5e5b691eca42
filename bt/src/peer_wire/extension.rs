//! The extension handshake (BEP 10) with `metadata_size` (BEP 9).

use super::{BENCODE_LIMITS, EXTENSION_HANDSHAKE, UT_METADATA_KEY, write_extended};
use crate::bencode::writer::{integer, string};
use crate::bencode::{self, Value};

/// The keys of an extension handshake that are read. It may come more than once; a later one changes what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtensionHandshake {
    /// The sender's number of `ut_metadata`, from `m`: 0 means off, `None` that it is not named.
    pub ut_metadata: Option<u8>,
    /// Bytes of `info`, as the sender claims; `None` if it has none itself, also for numbers below 1.
    pub metadata_size: Option<u64>,
}

impl ExtensionHandshake {
    /// Reads the payload; `None` if it does not begin with a dictionary in strict bencoding.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut handshake = Self::default();
        for entry in bencode::first_value(payload, &BENCODE_LIMITS).ok()?.dict()? {
            match entry.key {
                b"m" => handshake.ut_metadata = number(entry.value),
                b"metadata_size" => {
                    let size = entry.value.int().and_then(|size| u64::try_from(size).ok());
                    handshake.metadata_size = size.filter(|size| *size > 0);
                }
                _ => {}
            }
        }
        Some(handshake)
    }

    /// Appends the whole message.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_extended(EXTENSION_HANDSHAKE, out, |out| {
            out.extend_from_slice(b"d1:md");
            if let Some(number) = self.ut_metadata {
                string(out, UT_METADATA_KEY);
                integer(out, number.into());
            }
            out.push(b'e');
            if let Some(size) = self.metadata_size {
                string(out, b"metadata_size");
                integer(out, size);
            }
            out.push(b'e');
        });
    }
}

/// The number of `ut_metadata` in `m`. Numbers that do not fit a byte cannot be sent, so the extension is off.
fn number(m: Value<'_>) -> Option<u8> {
    let entry = m.dict()?.find(|entry| entry.key == UT_METADATA_KEY)?;
    Some(entry.value.int().and_then(|number| u8::try_from(number).ok()).unwrap_or(0))
}
