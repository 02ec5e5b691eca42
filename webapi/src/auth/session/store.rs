//! The store of the session layer: the table `sessions`.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::timeout;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error as StoreError, Result as StoreResult};

use crate::app::App;
use crate::db::member::session::{self, Data, NewSession, Times};
use crate::error::Error;
use crate::id::UserId;

/// Text of [`StoreError::Backend`] when the database is away.
pub const UNAVAILABLE: &str = "unavailable";

/// Text of [`StoreError::Backend`] when the account was disabled or got another password meanwhile.
pub const REFUSED: &str = "refused";

/// Key of the member's id in a session's data. This key and those below, except [`PASSWORD_HASH`], are columns.
pub const USER_ID: &str = "user_id";
/// Key of the browser's `User-Agent`.
pub const USER_AGENT: &str = "user_agent";
/// Key of the hash of the password that the owner signed in with. It is compared with the account's when the session
/// is inserted, and not stored.
pub const PASSWORD_HASH: &str = "password_hash";
/// Key of the time at which the session was opened.
pub const CREATED_AT: &str = "created_at";
/// Key of the time of the owner's last stored visit.
pub const LAST_SEEN_AT: &str = "last_seen_at";

const COLUMNS: [&str; 4] = [USER_ID, USER_AGENT, CREATED_AT, LAST_SEEN_AT];

/// A time in a session's data, in RFC 3339.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(#[serde(with = "time::serde::rfc3339")] pub OffsetDateTime);

/// Stores sessions in the table `sessions`.
#[derive(Clone)]
pub struct Store(App);

impl Store {
    /// A store that uses the database connections of `app`.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    /// Days from signing in to the latest end of a session.
    fn max_days(&self) -> i32 {
        i32::try_from(self.0.config.webapi.session_max_days).unwrap_or(i32::MAX)
    }

    async fn insert(&self, record: &mut Record) -> Result<(), Error> {
        let client = self.0.connection().await?;
        // A new id always: the record of a session that has ended still carries its old one.
        record.id = Id::default();
        let password_hash = record.data.remove(PASSWORD_HASH);
        let new = NewSession {
            user_id: record.data.get(USER_ID).and_then(|it| UserId::deserialize(it).ok()),
            password_hash: password_hash.as_ref().and_then(Value::as_str),
            user_agent: record.data.get(USER_AGENT).and_then(Value::as_str).unwrap_or_default(),
            data: without_columns(record),
            expires_at: record.expiry_date,
        };
        let id_hash = hash(&self.0, &record.id);
        let times = session::insert(&client, &id_hash, &new).await?.ok_or(Error::Credentials)?;
        put_times(&mut record.data, times)
    }

    async fn update(&self, record: &Record) -> Result<(), Error> {
        let client = self.0.connection().await?;
        let (id_hash, data) = (hash(&self.0, &record.id), without_columns(record));
        Ok(session::update(&client, &id_hash, &data, record.expiry_date, self.max_days()).await?)
    }

    async fn find(&self, id: &Id) -> Result<Option<Record>, Error> {
        let client = self.0.connection().await?;
        let found = session::find(&client, &hash(&self.0, id), self.max_days()).await?;
        let Some(stored) = found else { return Ok(None) };
        let mut data = stored.data;
        data.insert(USER_ID.to_owned(), stored.user_id.map(|it| it.0).into());
        data.insert(USER_AGENT.to_owned(), stored.user_agent.into());
        put_times(&mut data, stored.times)?;
        Ok(Some(Record { id: *id, data, expiry_date: stored.expires_at }))
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        self.insert(record).await.map_err(backend)
    }

    /// Saves a later end, or a message for the next page, of a known session. It waits no longer than
    /// [`App::extra_timeout`] and reports no error: the response may tell of a change that is already committed.
    async fn save(&self, record: &Record) -> StoreResult<()> {
        match timeout(self.0.extra_timeout(), self.update(record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot save a session"),
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
            Ok(session::delete(&client, &hash(&self.0, id)).await?)
        };
        end.await.map_err(backend)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// The key of a session in the table: a keyed hash of the id in its cookie.
pub fn hash(app: &App, id: &Id) -> Vec<u8> {
    blake3::keyed_hash(&app.keys.session, &id.0.to_le_bytes()).as_bytes().to_vec()
}

fn without_columns(record: &Record) -> Data {
    let entries = record.data.iter().filter(|(name, _)| !COLUMNS.contains(&name.as_str()));
    entries.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn put_times(data: &mut Data, times: Times) -> Result<(), Error> {
    for (column, time) in [(CREATED_AT, times.created_at), (LAST_SEEN_AT, times.last_seen_at)] {
        let stamp = serde_json::to_value(Stamp(time)).map_err(|error| Error::Internal(error.into()))?;
        data.insert(column.to_owned(), stamp);
    }
    Ok(())
}

fn backend(error: Error) -> StoreError {
    match error {
        Error::Unavailable(_) => StoreError::Backend(UNAVAILABLE.to_owned()),
        Error::Credentials => StoreError::Backend(REFUSED.to_owned()),
        Error::Internal(cause) => StoreError::Backend(format!("{cause:#}")),
        other => StoreError::Backend(other.to_string()),
    }
}
