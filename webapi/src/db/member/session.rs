//! Sessions (table `sessions`). The id in the cookie is stored only as a keyed hash, and no address is stored.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use tokio_postgres::{Error, Row};

use crate::db::{execute, optional, rows};
use crate::id::{SessionId, UserId};

/// Most sessions of one member; the last used ones stay. Scripts that sign in at each run would fill the table.
const MAX_SESSIONS: i64 = 100;

/// Values of a session without a column of their own, by key.
pub type Data = HashMap<String, Value>;

/// A session to open.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The session's owner.
    pub user_id: Option<UserId>,
    /// Hash (PHC string) of the password that the owner signed in with. The session is opened only if the account still
    /// has it.
    pub password_hash: Option<&'a str>,
    /// The browser's `User-Agent`.
    pub user_agent: &'a str,
    /// Values without a column of their own.
    pub data: Data,
    /// Until when the session is valid.
    pub expires_at: OffsetDateTime,
}

/// A stored session.
#[derive(Debug)]
pub struct Stored {
    /// The session's owner.
    pub user_id: Option<UserId>,
    /// The browser's `User-Agent`.
    pub user_agent: String,
    /// Values without a column of their own.
    pub data: Data,
    /// When the session was opened and last used.
    pub times: Times,
    /// Until when the session is valid.
    pub expires_at: OffsetDateTime,
}

/// The times of a session.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// Time of the owner's last visit, to five minutes.
    pub last_seen_at: OffsetDateTime,
}

impl Times {
    fn from_row(row: &Row) -> Self {
        Self { created_at: row.get("created_at"), last_seen_at: row.get("last_seen_at") }
    }
}

/// Opens a session, and ends its owner's least recently used ones beyond 100. `None` if the account was disabled or got
/// another password meanwhile.
pub async fn insert(
    client: &impl GenericClient,
    id_hash: &[u8],
    new: &NewSession<'_>,
) -> Result<Option<Times>, Error> {
    // The lock on the account orders this and a change of its password or a disabling: a sign-in with a password that
    // is no longer valid gets no session that outlives the change.
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

/// Stores values and end of a session, the end at most `max_days` after its opening. A session that was ended
/// meanwhile is not opened again.
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

/// The session with this hash, unless it has expired or was opened more than `max_days` ago.
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

/// Deletes expired sessions; returns how many.
pub async fn sweep(client: &impl GenericClient) -> Result<u64, Error> {
    execute(client, "delete from sessions where expires_at <= now()", &[]).await
}

/// A session as its owner's list shows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The public id, which reveals nothing of the cookie.
    pub public_id: SessionId,
    /// The browser's `User-Agent`.
    pub user_agent: String,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When it was last used, to five minutes.
    pub last_seen_at: OffsetDateTime,
    /// Whether it is the session that asks for the list.
    pub current: bool,
}

/// A member's sessions, the last used first. `current` is the hash of the session that asks.
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

/// Ends the session with this public id if it is the member's; says whether it did.
pub async fn end(client: &impl GenericClient, user_id: UserId, public_id: SessionId) -> Result<bool, Error> {
    let sql = "delete from sessions where user_id = $1 and public_id = $2";
    Ok(execute(client, sql, &[&user_id, &public_id]).await? == 1)
}

/// Ends all sessions of a member except the one with the hash `current`; returns how many.
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
