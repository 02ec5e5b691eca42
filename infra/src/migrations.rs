//! The database's schema, roles and permissions: the files in `sql/`, compiled in.
//!
//! `sql/migrations/NNNN_name.sql` is one transaction, unless it is divided into steps by lines that begin with `--- `:
//!
//! - `--- transaction`: statements that are run together in one transaction.
//! - `--- concurrently`: one statement outside any transaction, for `create index concurrently if not exists`.
//! - `--- batches`: one statement that changes some thousand of the rows that are not changed yet. It is repeated, each
//!   time in a transaction of its own, until it changes none.
//!
//! A killed migration continues with the step that it was in. The previous version of the programs runs meanwhile, so a
//! step must leave the schema usable for it. A step grants what a new trigger needs, because `sql/permissions.sql` is
//! applied only at the end. Every file has a sample of the rows that it leaves, `sql/samples/NNNN_name.sql`, on which
//! later migrations are tested.

mod runner;
mod step;

use anyhow::{Context, bail};
use tokio_postgres::{Client, GenericClient};

use crate::config::Postgresql;

pub use runner::{Schema, bring_to};

/// The schema's migrations, oldest first; a number is never used twice and a landed file never edited.
pub const MIGRATIONS: &[Migration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// This program's schema.
pub const SCHEMA: Schema<'static> =
    Schema { migrations: MIGRATIONS, permissions: include_str!("../../sql/permissions.sql") };

/// One file of `sql/migrations`, `NNNN_name.sql`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `NNNN`.
    pub version: i32,
    /// `name`.
    pub name: &'static str,
    /// The file's content.
    pub sql: &'static str,
}

/// The schema version that this program works with.
pub fn newest() -> i32 {
    SCHEMA.newest()
}

/// Migrates the database to [`newest`] over `client`, a connection of its owner. Returns the versions applied now.
///
/// Missing roles of `logins` are created with their passwords; existing roles keep theirs. It waits while another
/// process migrates the same database.
///
/// # Errors
/// When the database is newer than this program, or a statement fails. The statement's transaction is undone then, and
/// the next call continues after the finished steps.
pub async fn migrate(client: &mut Client, logins: &[&Postgresql]) -> anyhow::Result<Vec<i32>> {
    bring_to(&SCHEMA, client, logins).await
}

/// Refuses a database that is not migrated to this program's version, or that a newer program has migrated.
pub async fn check(client: &Client) -> anyhow::Result<()> {
    let found: i32 = client
        .query_one("select coalesce(max(version), 0) as version from schema_migrations", &[])
        .await
        .context("the database has no schema; run `webapi migrate CONFIG` first")?
        .get("version");
    let expected = newest();
    if found < expected {
        bail!("the database has schema {found}, this program needs {expected}; run `webapi migrate CONFIG`");
    }
    if found > expected {
        bail!(
            "the database has schema {found}, this program knows only {expected}; install the newer program"
        );
    }
    Ok(())
}

/// Sets the password of the role of `login`.
pub async fn set_password(client: &impl GenericClient, login: &Postgresql) -> anyhow::Result<()> {
    // `alter role` takes no parameters, so the server quotes the two values into a statement.
    let statement: String = client
        .query_one(
            "select format('alter role %I password %L', $1::text, $2::text) as statement",
            &[&login.user, &login.password.reveal()],
        )
        .await?
        .get("statement");
    // The error's own text may quote the statement, which contains the password.
    client.batch_execute(&statement).await.map_err(|error| {
        anyhow::anyhow!("cannot set the password of role {}: {}", login.user, crate::db::state(&error))
    })
}
