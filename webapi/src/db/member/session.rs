//! Sessions of signed-in members. The id in the cookie is stored only as a keyed hash, and no address is.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use tokio_postgres::{Error, Row};

use crate::db::{execute, optional, rows};
use crate::id::{SessionId, UserId};

/// Sessions of one member at most; those seen last stay. Scripts that sign in each time would fill the table.
const MAX_SESSIONS: i64 = 100;

/// Data of a session that have no column of their own, by name.
pub type Data = HashMap<String, Value>;

/// A session that is wanted.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Its owner.
    pub user_id: Option<UserId>,
    /// The PHC string that its owner signed in with: it must still be the one.
    pub password_hash: Option<&'a str>,
    /// The browser, as it names itself.
    pub user_agent: &'a str,
    /// See [`Data`].
    pub data: Data,
    /// From then on it opens nothing.
    pub expires_at: OffsetDateTime,
}

/// A session's row.
#[derive(Debug)]
pub struct Stored {
    /// Its owner.
    pub user_id: Option<UserId>,
    /// The browser, as it names itself.
    pub user_agent: String,
    /// See [`Data`].
    pub data: Data,
    /// When it was opened and last used.
    pub times: Times,
    /// From then on it opens nothing.
    pub expires_at: OffsetDateTime,
}

/// When a session was used.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When its owner's last visit was written down: to five minutes.
    pub last_seen_at: OffsetDateTime,
}

impl Times {
    fn from_row(row: &Row) -> Self {
        Self { created_at: row.get("created_at"), last_seen_at: row.get("last_seen_at") }
    }
}

/// Opens a session, and ends its owner's least used ones beyond 100. `None` where the account was disabled or got
/// another password meanwhile.
pub async fn insert(
    client: &impl GenericClient,
    id_hash: &[u8],
    new: &NewSession<'_>,
) -> Result<Option<Times>, Error> {
    // The lock makes this wait for a change of the password or a disabling, and those for this: whoever signed in
    // with what is no longer valid gets no session that outlives it.
    let sql = "
        insert into sessions (id, user_id, user_agent, data, expires_at)
        select $1, id, $3, $4, $5 from users
        where id = $2 and disabled_at is null and password_hash = $6
        for share
        returning created_at, last_seen_at";
    let NewSession { user_id, password_hash, user_agent, data, expires_at } = new;
    let data = Json(data);
    let params: crate::db::Params<'_> = &[&id_hash, user_id, user_agent, &data, expires_at, password_hash];
    let Some(row) = optional(client, sql, params).await? else { return Ok(None) };
    let oldest = "
        delete from sessions where public_id in (
            select public_id from sessions where user_id = $1
            order by last_seen_at desc, public_id desc offset $2)";
    execute(client, oldest, &[user_id, &MAX_SESSIONS]).await?;
    Ok(Some(Times::from_row(&row)))
}

/// Writes data and end of a session that is still there, its end at most `max_days` after it was opened. A session that
/// has ended meanwhile stays so.
pub async fn update(
    client: &impl GenericClient,
    id_hash: &[u8],
    data: &Data,
    expires_at: OffsetDateTime,
    max_days: i32,
) -> Result<(), Error> {
    let sql = "
        update sessions set data = $2, last_seen_at = now(),
            expires_at = least($3, created_at + make_interval(days => $4))
        where id = $1";
    execute(client, sql, &[&id_hash, &Json(data), &expires_at, &max_days]).await.map(drop)
}

/// The session with this hash, unless it has ended or was opened more than `max_days` ago.
pub async fn find(
    client: &impl GenericClient,
    id_hash: &[u8],
    max_days: i32,
) -> Result<Option<Stored>, Error> {
    let sql = "
        select user_id, user_agent, data, created_at, last_seen_at, expires_at
        from sessions
        where id = $1 and expires_at > now() and created_at > now() - make_interval(days => $2)";
    let row = optional(client, sql, &[&id_hash, &max_days]).await?;
    Ok(row.map(|row| {
        let Json(data) = row.get("data");
        Stored {
            user_id: row.get("user_id"),
            user_agent: row.get("user_agent"),
            data,
            times: Times::from_row(&row),
            expires_at: row.get("expires_at"),
        }
    }))
}

/// Ends the session with this hash.
pub async fn delete(client: &impl GenericClient, id_hash: &[u8]) -> Result<(), Error> {
    execute(client, "delete from sessions where id = $1", &[&id_hash]).await.map(drop)
}

/// Deletes what has expired; answers how many.
pub async fn sweep(client: &impl GenericClient) -> Result<u64, Error> {
    execute(client, "delete from sessions where expires_at <= now()", &[]).await
}

/// A session as its owner's list shows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Says nothing about the cookie.
    pub public_id: SessionId,
    /// The browser, as it names itself.
    pub user_agent: String,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When it was last used, to five minutes.
    pub last_seen_at: OffsetDateTime,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A member's own, the latest seen first. `current` is the hash of the one that asks.
pub async fn list(
    client: &impl GenericClient,
    user_id: UserId,
    current: Option<&[u8]>,
) -> Result<Vec<Listed>, Error> {
    let sql = "
        select public_id, user_agent, created_at, last_seen_at, coalesce(id = $2, false) as current
        from sessions where user_id = $1 and expires_at > now() order by current desc, last_seen_at desc, public_id";
    let found = rows(client, sql, &[&user_id, &current]).await?;
    let listed = |row: &Row| Listed {
        public_id: row.get("public_id"),
        user_agent: row.get("user_agent"),
        created_at: row.get("created_at"),
        last_seen_at: row.get("last_seen_at"),
        current: row.get("current"),
    };
    Ok(found.iter().map(listed).collect())
}

/// Ends one of a member's own; answers whether there was one.
pub async fn end(client: &impl GenericClient, user_id: UserId, public_id: SessionId) -> Result<bool, Error> {
    let sql = "delete from sessions where user_id = $1 and public_id = $2";
    Ok(execute(client, sql, &[&user_id, &public_id]).await? == 1)
}

/// Ends all of a member's but the one with the hash `current`; answers how many.
pub async fn end_others(
    client: &impl GenericClient,
    user_id: UserId,
    current: Option<&[u8]>,
) -> Result<u64, Error> {
    execute(
        client,
        "delete from sessions where user_id = $1 and id is distinct from $2",
        &[&user_id, &current],
    )
    .await
}

#[cfg(test)]
mod tests;
