//! The key in an announce URL: who announces, and for which torrent.

use crate::InfoHash;
use crate::token::Token;

/// The key of member `user_id` for the torrent `scope` (its canonical info hash), or for any torrent.
///
/// `key_version` grows by one when the member resets the key.
pub fn mint(key: &[u8; 32], user_id: u32, key_version: u32, scope: Option<InfoHash>) -> Token {
    Token::new(key, user_id, &[&key_version.to_be_bytes(), scope_bytes(scope.as_ref())])
}

/// Whether `token` is the one that [`mint`] makes for its id with these arguments.
pub fn verify(token: &Token, key: &[u8; 32], key_version: u32, scope: Option<InfoHash>) -> bool {
    token.verify(key, &[&key_version.to_be_bytes(), scope_bytes(scope.as_ref())])
}

fn scope_bytes(scope: Option<&InfoHash>) -> &[u8] {
    scope.map_or(&[], |hash| hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_own_torrent_until_it_is_reset() {
        let (key, hash) = ([1; 32], InfoHash::from([2; 20]));
        let token = mint(&key, 5, 0, Some(hash));
        assert!(verify(&token, &key, 0, Some(hash)));
        assert!(!verify(&token, &key, 1, Some(hash)));
        assert!(!verify(&token, &key, 0, None));
        assert!(!verify(&token, &key, 0, Some(InfoHash::from([3; 20]))));
    }
}
