//! The connection pool, and what its errors mean.

use std::time::Duration;

use anyhow::Context;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{Client, NoTls};

use crate::config::Postgresql;

/// Longest wait for the server's host to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings of a connection for `tokio_postgres`.
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
/// Statements are cut by the server after `statement_timeout`. A connection that cannot be had within `wait` is an error.
pub fn pool(
    login: &Postgresql,
    application: &str,
    size: usize,
    statement_timeout: Duration,
    wait: Duration,
) -> anyhow::Result<Pool> {
    let mut settings = settings(login, application);
    // No statement is long enough to gain from compiling it, and searches look as if they were.
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

/// One connection of its own, driven by a task that ends with it.
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

/// The constraint that `error` says was violated.
pub fn violated(error: &tokio_postgres::Error) -> Option<&str> {
    error.as_db_error().and_then(DbError::constraint)
}

/// Errors whose messages quote what a statement carried: data exceptions, exceeded limits, syntax (also of a query for
/// words).
const QUOTING: [&str; 3] = ["22", "54", "42601"];

/// What went wrong in a word or two, without any value that a statement carried.
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
    // 08 connection, 53 resources, 57P shutdown
    matches!(code.code().get(..2), Some("08" | "53"))
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::QUERY_CANCELED,
        ]
        .contains(code)
}
