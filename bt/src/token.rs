//! Tokens that are derived, not stored: an id and a keyed tag over it, in 40 characters.
//!
//! Announce keys, invite links and API tokens have this form. A stolen database opens nothing: it lacks the key with
//! which tags are made.

use std::fmt;

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;
use subtle::ConstantTimeEq;

/// Characters of a token as text.
pub const TEXT_LEN: usize = 40;

const TAG_LEN: usize = 21;

/// RFC 4648 base32 in lower case; 25 bytes are 40 characters without padding.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.translate.from.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    spec.translate.to.push_str("abcdefghijklmnopqrstuvwxyz");
    #[expect(clippy::expect_used, reason = "the alphabet is a constant, and a test reads it")]
    spec.encoding().expect("32 distinct symbols")
});

/// `id` (u32, big-endian) and 21 bytes of keyed BLAKE3: 25 bytes, 40 characters of lower-case base32.
///
/// `Display` writes the secret; `Debug` does not.
#[derive(Clone, Copy)]
pub struct Token {
    id: u32,
    tag: [u8; TAG_LEN],
}

impl Token {
    /// Makes the token for `id`, bound to the concatenation of `bind` under `key`.
    pub fn new(key: &[u8; 32], id: u32, bind: &[&[u8]]) -> Self {
        Self { id, tag: tag(key, id, bind) }
    }

    /// Reads 40 base32 characters in either case; anything else is `None`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let mut bytes = [0; 4 + TAG_LEN];
        BASE32.decode_mut(text, &mut bytes).ok()?;
        let (id, tag) = bytes.split_at(4);
        Some(Self { id: u32::from_be_bytes(id.try_into().ok()?), tag: tag.try_into().ok()? })
    }

    /// The id of the row that the token claims to belong to, before [`Token::verify`] has confirmed it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the tag was made under `key` for this id and `bind`. Takes the same time for every wrong tag.
    pub fn verify(&self, key: &[u8; 32], bind: &[&[u8]]) -> bool {
        tag(key, self.id, bind).ct_eq(&self.tag).into()
    }
}

fn tag(key: &[u8; 32], id: u32, bind: &[&[u8]]) -> [u8; TAG_LEN] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&id.to_be_bytes());
    for part in bind {
        hasher.update(part);
    }
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(&hasher.finalize().as_bytes()[..TAG_LEN]);
    tag
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 4 + TAG_LEN];
        bytes[..4].copy_from_slice(&self.id.to_be_bytes());
        bytes[4..].copy_from_slice(&self.tag);
        f.write_str(&BASE32.encode(&bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn reads_what_it_writes_in_either_case() {
        let token = Token::new(&KEY, 0xdead_beef, &[b"scope"]);
        let text = token.to_string();
        assert_eq!(text.len(), TEXT_LEN);
        for text in [text.clone(), text.to_uppercase()] {
            let read = Token::parse(text.as_bytes()).expect("40 characters");
            assert_eq!(read.id(), 0xdead_beef);
            assert!(read.verify(&KEY, &[b"scope"]));
        }
    }

    #[test]
    fn another_key_id_or_scope_does_not_verify() {
        let token = Token::new(&KEY, 1, &[b"scope"]);
        assert!(!token.verify(&[8; 32], &[b"scope"]));
        assert!(!token.verify(&KEY, &[b"other"]));
        assert!(!Token { id: 2, ..token }.verify(&KEY, &[b"scope"]));
    }

    #[test]
    fn other_text_is_no_token() {
        for text in ["", "a", &"1".repeat(40), &"a".repeat(41), &"\u{e9}".repeat(20)] {
            assert!(Token::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn debug_keeps_the_secret() {
        let token = Token::new(&KEY, 1, &[]);
        assert!(!format!("{token:?}").contains(&token.to_string()[7..]));
    }
}
