//! Feed keys (table `feed_keys`). A row has the nonce that goes into the key's tag, never the key.

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::member::user::{Account, COLUMNS as ACCOUNT};
use crate::db::{execute, one, optional, rows};
use crate::id::{FeedKeyId, UserId};

/// A feed key with its owner.
#[derive(Debug)]
pub struct WithAccount {
    /// The key's id.
    pub id: FeedKeyId,
    /// The nonce that goes into the key's tag, 16 bytes.
    pub nonce: Vec<u8>,
    /// The owner, who is not disabled.
    pub account: Account,
}

/// A feed key as its owner's list shows it.
#[derive(Debug, Clone)]
pub struct FeedKey {
    /// The key's id.
    pub id: FeedKeyId,
    /// Its name, unique among the owner's feed keys.
    pub name: String,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl FeedKey {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            name: row.get("name"),
            created_at: row.get("created_at"),
            last_used_at: row.get("last_used_at"),
        }
    }
}

/// The feed key with this id, unless its owner is disabled.
pub async fn find_with_account(
    client: &impl GenericClient,
    id: FeedKeyId,
) -> Result<Option<WithAccount>, Error> {
    let sql = format!(
        "select k.id as key_id, k.nonce, {ACCOUNT}
         from feed_keys k join users u on u.id = k.user_id
         where k.id = $1 and u.disabled_at is null"
    );
    Ok(optional(client, &sql, &[&id]).await?.map(|row| WithAccount {
        id: row.get("key_id"),
        nonce: row.get("nonce"),
        account: Account::from_row(&row),
    }))
}

/// Stores that the key was used, at most once a minute.
pub async fn touch(client: &impl GenericClient, id: FeedKeyId) -> Result<(), Error> {
    let sql = "
        update feed_keys set last_used_at = now()
        where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')";
    execute(client, sql, &[&id]).await.map(drop)
}

/// A member's feed keys, newest first.
pub async fn list(client: &impl GenericClient, user_id: UserId) -> Result<Vec<FeedKey>, Error> {
    let sql = "select id, name, created_at, last_used_at from feed_keys where user_id = $1 order by id desc";
    Ok(rows(client, sql, &[&user_id]).await?.iter().map(FeedKey::from_row).collect())
}

/// The feed key with this id, if it is the member's.
pub async fn find(
    client: &impl GenericClient,
    user_id: UserId,
    id: FeedKeyId,
) -> Result<Option<FeedKey>, Error> {
    let sql = "select id, name, created_at, last_used_at from feed_keys where user_id = $1 and id = $2";
    Ok(optional(client, sql, &[&user_id, &id]).await?.as_ref().map(FeedKey::from_row))
}

/// The number of a member's feed keys.
pub async fn count(client: &impl GenericClient, user_id: UserId) -> Result<i64, Error> {
    let sql = "select count(*) as count from feed_keys where user_id = $1";
    Ok(one(client, sql, &[&user_id]).await?.get("count"))
}

/// Creates a feed key; violates `feed_keys_name_unique` if the member has one of that name.
pub async fn insert(
    client: &impl GenericClient,
    user_id: UserId,
    name: &str,
    nonce: &[u8],
) -> Result<FeedKey, Error> {
    let sql = "
        insert into feed_keys (user_id, name, nonce) values ($1, $2, $3)
        returning id, name, created_at, last_used_at";
    Ok(FeedKey::from_row(&one(client, sql, &[&user_id, &name, &nonce]).await?))
}

/// Deletes the feed key with this id if it is the member's; says whether it did.
pub async fn delete(client: &impl GenericClient, user_id: UserId, id: FeedKeyId) -> Result<bool, Error> {
    let sql = "delete from feed_keys where user_id = $1 and id = $2";
    Ok(execute(client, sql, &[&user_id, &id]).await? == 1)
}

/// Deletes all feed keys of a member.
pub async fn delete_all(client: &impl GenericClient, user_id: UserId) -> Result<(), Error> {
    execute(client, "delete from feed_keys where user_id = $1", &[&user_id]).await.map(drop)
}
