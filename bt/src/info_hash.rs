//! Info hashes: 20 bytes on the wire (BEP 3), 32 bytes for version 2 metainfo (BEP 52).

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;

/// Text or bytes are not an info hash.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an info hash is {expected} hexadecimal digits")]
pub struct ParseInfoHashError {
    expected: usize,
}

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ParseInfoHashError;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self).map_err(|_| ParseInfoHashError { expected: $len * 2 })
            }
        }

        impl FromStr for $name {
            type Err = ParseInfoHashError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or(ParseInfoHashError { expected: $len * 2 })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER_PERMISSIVE.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hash_type! {
    /// The hash that peers announce: SHA-1 of the raw `info` (BEP 3), or the first 20 bytes of its SHA-256 (BEP 52).
    InfoHash, 20
}

hash_type! {
    /// SHA-256 of the raw `info` of version 2 metainfo (BEP 52).
    InfoHashV2, 32
}

impl InfoHashV2 {
    /// The first 20 bytes, which clients announce (BEP 52, "trackers").
    pub fn truncated(&self) -> InfoHash {
        let mut short = [0; 20];
        short.copy_from_slice(&self.0[..20]);
        InfoHash(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree() {
        let hash = InfoHash::from([0xab; 20]);
        assert_eq!("AB".repeat(20).parse(), Ok(hash));
        assert_eq!(hash.to_string(), "ab".repeat(20));
        assert!("ab".repeat(19).parse::<InfoHash>().is_err());
        assert_eq!(InfoHashV2::from([0xab; 32]).truncated(), hash);
    }
}
