//! The key in an announce URL, which names the member and is bound to a torrent or to the account.

use crate::InfoHash;
use crate::token::Token;

/// Bytes of a nonce that is not empty.
pub const NONCE_LEN: usize = 16;

/// Random bytes of an account, drawn anew when its key is reset. If another account gets the same id later, for example
/// after a backup was restored, its keys differ.
///
/// It is empty for accounts older than nonces. Their keys stay valid until they are reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nonce(Option<[u8; NONCE_LEN]>);

/// What the keys of an account are bound to beside its id and the torrent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Binding {
    /// Grows by one when the member resets the key.
    pub version: u32,
    /// The account's nonce since the last reset.
    pub nonce: Nonce,
}

/// A nonce of another length than 0 or [`NONCE_LEN`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce has 0 or {NONCE_LEN} bytes")]
pub struct NonceLength;

impl Nonce {
    /// The nonce of accounts older than nonces.
    pub const EMPTY: Self = Self(None);

    /// 0 or [`NONCE_LEN`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |bytes| bytes)
    }
}

impl From<[u8; NONCE_LEN]> for Nonce {
    fn from(bytes: [u8; NONCE_LEN]) -> Self {
        Self(Some(bytes))
    }
}

impl TryFrom<&[u8]> for Nonce {
    type Error = NonceLength;

    fn try_from(bytes: &[u8]) -> Result<Self, NonceLength> {
        match bytes {
            [] => Ok(Self::EMPTY),
            _ => bytes.try_into().map(|bytes| Self(Some(bytes))).map_err(|_| NonceLength),
        }
    }
}

/// The key of member `user_id` for the torrent with canonical info hash `scope`, or for all torrents.
///
/// The tag is made over `user_id u32 ‖ version u32 ‖ nonce[0 or 16] ‖ scope[0 or 20]`. Its lengths 8, 24, 28 and 44
/// differ, so that no two bindings are the same bytes.
pub fn mint(key: &[u8; 32], user_id: u32, binding: &Binding, scope: Option<InfoHash>) -> Token {
    Token::new(
        key,
        user_id,
        &[&binding.version.to_be_bytes(), binding.nonce.as_bytes(), bytes(scope.as_ref())],
    )
}

/// Whether `token` is the one that [`mint`] makes for its id with these arguments.
pub fn verify(token: &Token, key: &[u8; 32], binding: &Binding, scope: Option<InfoHash>) -> bool {
    token.verify(key, &[&binding.version.to_be_bytes(), binding.nonce.as_bytes(), bytes(scope.as_ref())])
}

fn bytes(scope: Option<&InfoHash>) -> &[u8] {
    scope.map_or(&[], |hash| hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [1; 32];

    fn binding(version: u32, nonce: impl Into<Nonce>) -> Binding {
        Binding { version, nonce: nonce.into() }
    }

    #[test]
    fn a_key_opens_its_own_torrent_until_it_is_reset() {
        let hash = InfoHash::from([2; 20]);
        for nonce in [Nonce::EMPTY, [7; 16].into()] {
            let token = mint(&KEY, 5, &binding(0, nonce), Some(hash));
            assert!(verify(&token, &KEY, &binding(0, nonce), Some(hash)));
            assert!(!verify(&token, &KEY, &binding(1, nonce), Some(hash)));
            assert!(!verify(&token, &KEY, &binding(0, [8; 16]), Some(hash)));
            assert!(!verify(&token, &KEY, &binding(0, nonce), None));
            assert!(!verify(&token, &KEY, &binding(0, nonce), Some(InfoHash::from([3; 20]))));
        }
    }

    #[test]
    fn keys_minted_before_there_were_nonces_open_with_the_empty_one() {
        // Made by the program that bound keys to id, version and scope alone.
        for (text, version, scope) in [
            ("aaaaabovhwfmeph6cb4wqcqxilzrelhf6fhhtibh", 0, None),
            ("aaaaabmaaaqztbv7hrelehgsvwpuynewrrsi7y7y", 3, None),
            ("aaaaabm2h2projyu4tdggchx4mpgv6o7t5sda5dy", 0, Some(InfoHash::from([2; 20]))),
        ] {
            let token = Token::parse(text.as_bytes()).expect("a key");
            assert!(verify(&token, &KEY, &binding(version, Nonce::EMPTY), scope), "{text}");
            assert!(!verify(&token, &KEY, &binding(version, [0; 16]), scope), "{text}");
        }
    }

    #[test]
    fn a_nonce_and_a_torrent_are_never_taken_for_each_other() {
        let zeroes = InfoHash::from([0; 20]);
        let all = [
            mint(&KEY, 5, &binding(0, Nonce::EMPTY), None),
            mint(&KEY, 5, &binding(0, Nonce::EMPTY), Some(zeroes)),
            mint(&KEY, 5, &binding(0, [0; 16]), None),
            mint(&KEY, 5, &binding(0, [0; 16]), Some(zeroes)),
        ];
        let mut texts: Vec<String> = all.iter().map(ToString::to_string).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 4);
    }

    #[test]
    fn a_nonce_is_of_16_bytes_or_none() {
        assert_eq!(Nonce::try_from(&[][..]), Ok(Nonce::EMPTY));
        assert_eq!(Nonce::try_from(&[7; 16][..]), Ok([7; 16].into()));
        for length in [1, 15, 17, 20] {
            assert_eq!(Nonce::try_from(&vec![0; length][..]), Err(NonceLength));
        }
    }
}
