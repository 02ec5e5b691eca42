//! Feed keys: `fwf_` and 40 characters that are derived, not stored. They list and download torrents and open nothing
//! else, because they stand in URLs of programs that can send nothing but a URL.

use std::fmt;

use bt::announce_key::Binding;
use bt::token::Token;
use deadpool_postgres::{GenericClient, Transaction};
use infra::secrets::Keys;

use crate::db;
use crate::db::member::feed_key::FeedKey as Row;
use crate::domain::member::key::{Created, MAX_KEYS, check_name, nonce};
use crate::error::Error;
use crate::id::{FeedKeyId, UserId};

/// Begins every feed key and no API token, so that people and secret scanners recognize one.
pub const PREFIX: &str = "fwf_";

/// A feed key from a URL, not verified yet. `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct FeedKey(Token);

/// The member whose feed key was verified. This is enough to list torrents and to make their .torrent files; a
/// [`Member`](crate::domain::member::Member) would open more.
#[derive(Debug, Clone)]
pub struct FeedReader {
    /// The feed key that was used.
    pub key_id: FeedKeyId,
    /// The member's account.
    pub user_id: UserId,
    /// The member's name.
    pub name: String,
    /// What the member's announce keys are bound to.
    pub announce: Binding,
}

impl FeedKey {
    /// Reads a feed key, whose part behind the prefix may be in either case; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        Token::parse(text.strip_prefix(PREFIX)?.as_bytes()).map(Self)
    }
}

impl fmt::Debug for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedKey")
    }
}

/// Makes a feed key of the member `user_id`. The caller must have checked that they have a session: no API token makes
/// keys.
///
/// # Errors
/// [`Error::Invalid`] for a name that is empty, too long or taken, [`Error::Conflict`] for too many keys.
pub async fn create(
    keys: &Keys,
    transaction: &Transaction<'_>,
    user_id: UserId,
    name: &str,
) -> Result<Created<Row>, Error> {
    let name = check_name(name).map_err(|problem| Error::field("name", problem))?;
    let nonce = nonce()?;
    db::member::user::lock(transaction, user_id).await?;
    if db::member::feed_key::count(transaction, user_id).await? >= MAX_KEYS {
        let message = format!("you have {MAX_KEYS} feed keys; revoke one that is no longer used");
        return Err(Error::Conflict { code: "too_many_feed_keys", message });
    }
    let row = db::member::feed_key::insert(transaction, user_id, name, &nonce).await;
    let row = row.map_err(|error| match infra::db::violated(&error) {
        Some("feed_keys_name_unique") => Error::field("name", "you have a feed key of this name already"),
        _ => error.into(),
    })?;
    let secret = format!("{PREFIX}{}", Token::new(&keys.feed_key, row.id.unsigned(), &[&nonce]));
    Ok(Created { row, secret: secret.into() })
}

/// Verifies `key` and notes that it was used.
///
/// # Errors
/// [`Error::Unauthorized`] for a key that is forged or revoked, and for the key of a disabled member.
pub async fn open(keys: &Keys, client: &impl GenericClient, key: FeedKey) -> Result<FeedReader, Error> {
    let FeedKey(token) = key;
    let id = FeedKeyId::from_unsigned(token.id()).ok_or(Error::Unauthorized)?;
    let found = db::member::feed_key::find_with_account(client, id).await?.ok_or(Error::Unauthorized)?;
    if !token.verify(&keys.feed_key, &[&found.nonce]) {
        return Err(Error::Unauthorized);
    }
    db::member::feed_key::touch(client, found.id).await?;
    let account = found.account;
    Ok(FeedReader { key_id: found.id, user_id: account.id, name: account.name, announce: account.key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_with_its_own_prefix_only_and_debug_hides_it() {
        let token = Token::new(&[1; 32], 5, &[]).to_string();
        let key = FeedKey::parse(&format!("{PREFIX}{token}")).expect("a key");
        assert_eq!(key.0.id(), 5);
        assert_eq!(format!("{key:?}"), "FeedKey");
        for wrong in [token.clone(), format!("fw_{token}"), format!("fwf_{token}a"), "fwf_".to_owned()] {
            assert!(FeedKey::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
