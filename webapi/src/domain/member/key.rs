//! What API tokens, feed keys, invites and reset links share: their secrets are derived from a row's id and a nonce,
//! and are not stored.

use infra::secrets::Secret;

use crate::error::Error;

/// API tokens of one member at most; feed keys likewise.
pub const MAX_KEYS: i64 = 50;

/// Characters in the name of a token or feed key at most.
const MAX_NAME: usize = 100;

/// A token or feed key that was just made.
#[derive(Debug)]
pub struct Created<R> {
    /// The row that was inserted.
    pub row: R,
    /// The token or key itself. It cannot be shown again.
    pub secret: Secret,
}

/// The name of a token or feed key without spaces around it, or what is wrong with it.
pub fn check_name(name: &str) -> Result<&str, &'static str> {
    let name = name.trim();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
        return Err("choose a name of 1 to 100 characters, such as that of the program that will use it");
    }
    Ok(name)
}

/// Random bytes for a new row. A site that was restored from a backup gives out some ids again; the nonce makes the
/// secrets of the new rows differ from those of the old ones.
///
/// # Errors
/// When the system has no random source to give.
pub fn nonce() -> Result<[u8; 16], Error> {
    let mut nonce = [0; 16];
    infra::secrets::random(&mut nonce).map_err(anyhow::Error::from)?;
    Ok(nonce)
}
