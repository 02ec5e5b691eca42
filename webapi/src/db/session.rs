//! Sessions of signed-in members. The id in the cookie is stored only as a keyed hash, and no address is.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::Json;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error as StoreError, Result as StoreResult};

use super::{execute, optional, rows};
use crate::app::App;
use crate::auth::session::Stamp;
use crate::error::Error;

/// Sessions of one member at most; those seen last stay. Scripts that sign in each time would fill the table.
const MOST: i64 = 100;

/// What [`StoreError::Backend`] says when the database is away.
pub const UNAVAILABLE: &str = "unavailable";

/// What it says when the account may no longer be signed in to.
pub const REFUSED: &str = "refused";

/// Names in a session's data that are columns in the table.
pub const USER_ID: &str = "user_id";
/// The browser, as it names itself.
pub const USER_AGENT: &str = "user_agent";
/// The password's hash that its owner signed in with: it must still be the one. Not kept.
pub const PASSWORD_HASH: &str = "password_hash";
/// When the session was opened.
pub const CREATED_AT: &str = "created_at";
/// When its owner's last visit was written down.
pub const LAST_SEEN_AT: &str = "last_seen_at";

const COLUMNS: [&str; 4] = [USER_ID, USER_AGENT, CREATED_AT, LAST_SEEN_AT];

/// Keeps sessions in the table `sessions`.
#[derive(Clone)]
pub struct Store(App);

impl Store {
    /// On the pool of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    /// Days after signing in after which a session ends.
    fn most_days(&self) -> i32 {
        i32::try_from(self.0.config.webapi.session_max_days).unwrap_or(i32::MAX)
    }

    async fn insert(&self, record: &mut Record) -> Result<(), Error> {
        let client = self.0.connection().await?;
        // Always a new one: the record of a session that has ended still carries its id.
        record.id = Id::default();
        let password_hash = record.data.remove(PASSWORD_HASH);
        let password_hash = password_hash.as_ref().and_then(Value::as_str);
        let user_id = record.data.get(USER_ID).and_then(Value::as_i64).and_then(|it| i32::try_from(it).ok());
        let agent = record.data.get(USER_AGENT).and_then(Value::as_str).unwrap_or_default();
        // The lock makes this wait for a change of the password or a disabling, and those for this: whoever signed in
        // with what is no longer valid gets no session that outlives it.
        let sql = "
            insert into sessions (id, user_id, user_agent, data, expires_at)
            select $1, id, $3, $4, $5 from users
            where id = $2 and disabled_at is null and password_hash = $6
            for share
            returning created_at, last_seen_at";
        let hash = hash(&self.0, &record.id);
        let data = Json(stored(record));
        let params: super::Params<'_> =
            &[&hash, &user_id, &agent, &data, &record.expiry_date, &password_hash];
        let row = optional(&client, sql, params).await?.ok_or(Error::Credentials)?;
        let oldest = "
            delete from sessions where public_id in (
                select public_id from sessions where user_id = $1
                order by last_seen_at desc, public_id desc offset $2)";
        execute(&client, oldest, &[&user_id, &MOST]).await?;
        for column in [CREATED_AT, LAST_SEEN_AT] {
            record.data.insert(column.to_owned(), stamp(row.get(column))?);
        }
        Ok(())
    }

    /// A session that has ended meanwhile stays so.
    async fn update(&self, record: &Record) -> Result<(), Error> {
        let client = self.0.connection().await?;
        let sql = "
            update sessions set data = $2, last_seen_at = now(),
                expires_at = least($3, created_at + make_interval(days => $4))
            where id = $1";
        let hash = hash(&self.0, &record.id);
        let params: super::Params<'_> =
            &[&hash, &Json(stored(record)), &record.expiry_date, &self.most_days()];
        execute(&client, sql, params).await?;
        Ok(())
    }

    async fn find(&self, id: &Id) -> Result<Option<Record>, Error> {
        let client = self.0.connection().await?;
        let sql = "
            select user_id, user_agent, data, created_at, last_seen_at, expires_at
            from sessions
            where id = $1 and expires_at > now() and created_at > now() - make_interval(days => $2)";
        let Some(row) = optional(&client, sql, &[&hash(&self.0, id), &self.most_days()]).await? else {
            return Ok(None);
        };
        let Json(mut data): Json<HashMap<String, Value>> = row.get("data");
        data.insert(USER_ID.to_owned(), row.get::<_, Option<i32>>("user_id").into());
        data.insert(USER_AGENT.to_owned(), row.get::<_, String>("user_agent").into());
        for column in [CREATED_AT, LAST_SEEN_AT] {
            data.insert(column.to_owned(), stamp(row.get(column))?);
        }
        Ok(Some(Record { id: *id, data, expiry_date: row.get("expires_at") }))
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        self.insert(record).await.map_err(backend)
    }

    /// What a known session gains, a later end or a message for the next page, is not worth the answer that it is saved
    /// behind: that waits for [`App::extra_timeout`] and stands, and what it changed is done.
    async fn save(&self, record: &Record) -> StoreResult<()> {
        match timeout(self.0.extra_timeout(), self.update(record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a session was not written down"),
            Err(_) => self.0.close_idle_connections(),
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        self.find(id).await.map_err(backend)
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        let end = async {
            let client = self.0.connection().await?;
            execute(&client, "delete from sessions where id = $1", &[&hash(&self.0, id)]).await?;
            Ok(())
        };
        end.await.map_err(backend)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// Deletes what has expired; answers how many.
pub async fn sweep(client: &impl GenericClient) -> Result<u64, tokio_postgres::Error> {
    execute(client, "delete from sessions where expires_at <= now()", &[]).await
}

/// A session as its owner's list shows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Says nothing about the cookie.
    pub public_id: i32,
    /// The browser, as it names itself.
    pub user_agent: String,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// To five minutes.
    pub last_seen_at: OffsetDateTime,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A member's own, the latest seen first. `current` is the hash of the one that asks.
pub async fn list(
    client: &impl GenericClient,
    user_id: i32,
    current: Option<&[u8]>,
) -> Result<Vec<Listed>, tokio_postgres::Error> {
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
pub async fn end(
    client: &impl GenericClient,
    user_id: i32,
    public_id: i32,
) -> Result<bool, tokio_postgres::Error> {
    let sql = "delete from sessions where user_id = $1 and public_id = $2";
    Ok(execute(client, sql, &[&user_id, &public_id]).await? == 1)
}

/// Ends all of a member's but the one with the hash `current`; answers how many.
pub async fn end_others(
    client: &impl GenericClient,
    user_id: i32,
    current: Option<&[u8]>,
) -> Result<u64, tokio_postgres::Error> {
    execute(
        client,
        "delete from sessions where user_id = $1 and id is distinct from $2",
        &[&user_id, &current],
    )
    .await
}

/// What the table knows a session by.
pub fn hash(app: &App, id: &Id) -> Vec<u8> {
    blake3::keyed_hash(&app.keys.session, &id.0.to_le_bytes()).as_bytes().to_vec()
}

fn stored(record: &Record) -> HashMap<&str, &Value> {
    let entries = record.data.iter().map(|(key, value)| (key.as_str(), value));
    entries.filter(|(key, _)| !COLUMNS.contains(key)).collect()
}

fn stamp(time: OffsetDateTime) -> Result<Value, Error> {
    serde_json::to_value(Stamp(time)).map_err(|error| Error::Internal(error.into()))
}

fn backend(error: Error) -> StoreError {
    match error {
        Error::Unavailable(_) => StoreError::Backend(UNAVAILABLE.to_owned()),
        Error::Credentials => StoreError::Backend(REFUSED.to_owned()),
        Error::Internal(cause) => StoreError::Backend(format!("{cause:#}")),
        other => StoreError::Backend(other.to_string()),
    }
}
