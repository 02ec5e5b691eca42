//! Connections to the database, and the meaning of its errors.

use std::time::Duration;

use anyhow::Context;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{Client, NoTls};

use crate::config::Postgresql;

/// Longest wait for the database server to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings of a connection for `tokio_postgres`; `application` is shown in `pg_stat_activity`.
pub fn settings(login: &Postgresql, application: &str) -> tokio_postgres::Config {
    let mut settings = tokio_postgres::Config::new();
    settings
        .host(&login.host)
        .port(login.port)
        .dbname(&login.dbname)
        .user(&login.user)
        .password(login.password.reveal())
        .application_name(application)
        .connect_timeout(CONNECT_TIMEOUT);
    settings
}

/// A pool of at most `size` connections. Nothing is connected yet.
///
/// The server cancels statements after `statement_timeout`. Taking a connection fails after `wait`.
pub fn pool(
    login: &Postgresql,
    application: &str,
    size: usize,
    statement_timeout: Duration,
    wait: Duration,
) -> anyhow::Result<Pool> {
    let mut settings = settings(login, application);
    // No statement runs long enough to gain from JIT compilation; Postgres overestimates searches and would compile
    // them.
    settings.options(format!("-c statement_timeout={} -c jit=off", statement_timeout.as_millis()));
    let manager =
        Manager::from_config(settings, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .create_timeout(Some(wait))
        .recycle_timeout(Some(wait))
        .build()
        .context("cannot make the database pool")
}

/// Opens a connection outside any pool, driven by a task that ends with it.
pub async fn connect(login: &Postgresql, application: &str) -> anyhow::Result<Client> {
    let (client, connection) = settings(login, application).connect(NoTls).await.with_context(|| {
        format!("cannot connect to database {} at {} as {}", login.dbname, login.host, login.user)
    })?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = state(&error), "a database connection ended");
        }
    });
    Ok(client)
}

/// The name of the constraint that was violated, if that is the error.
pub fn violated(error: &tokio_postgres::Error) -> Option<&str> {
    error.as_db_error().and_then(DbError::constraint)
}

/// Beginnings of SQLSTATE codes whose messages quote values of the statement: data exceptions, exceeded limits, syntax
/// errors (also of a `tsquery`).
const QUOTING: [&str; 3] = ["22", "54", "42601"];

/// A short description of the error, without any value of the statement.
pub fn state(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) if QUOTING.iter().any(|it| error.code().code().starts_with(it)) => {
            format!("a value that cannot be used ({})", error.code().code())
        }
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    }
}

/// Whether the database cannot be reached, has no resources or shuts down: the same statement may succeed later.
pub fn is_unavailable(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else { return true };
    // SQLSTATE classes 08 (connection) and 53 (resources), and codes 57P (shutdown).
    matches!(code.code().get(..2), Some("08" | "53"))
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::QUERY_CANCELED,
        ]
        .contains(code)
}
