//! API tokens: a nonce that the token is bound to, never the token.

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use super::user::Account;
use super::{execute, optional};

/// A token's row with its owner.
#[derive(Debug)]
pub struct WithAccount {
    /// The token's.
    pub id: i32,
    /// What the token is bound to, 16 bytes.
    pub nonce: Vec<u8>,
    /// The owner, who is not disabled.
    pub account: Account,
}

/// The row that a token claims to belong to, unless its owner is disabled.
pub async fn find_with_account(client: &impl GenericClient, id: u32) -> Result<Option<WithAccount>, Error> {
    let sql = "
        select t.id as token_id, t.nonce, u.id, u.name, u.key_version, u.created_at, u.disabled_at,
               array(select r.role from user_roles r where r.user_id = u.id order by r.role) as roles
        from api_tokens t join users u on u.id = t.user_id
        where t.id = $1 and u.disabled_at is null";
    let Ok(id) = i32::try_from(id) else { return Ok(None) };
    Ok(optional(client, sql, &[&id]).await?.map(|row| WithAccount {
        id: row.get("token_id"),
        nonce: row.get("nonce"),
        account: Account::from_row(&row),
    }))
}

/// Writes down that the token was used, at most once a minute.
pub async fn touch(client: &impl GenericClient, id: i32) -> Result<(), Error> {
    let sql = "
        update api_tokens set last_used_at = now()
        where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')";
    execute(client, sql, &[&id]).await.map(drop)
}
