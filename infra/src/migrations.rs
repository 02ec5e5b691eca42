//! The database's schema, roles and grants: `sql/`, compiled in.

use anyhow::{Context, bail};
use tokio_postgres::{Client, GenericClient, Transaction};

use crate::config::Postgresql;

/// The schema's steps, oldest first; a number is never used twice and a landed step never edited.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "initial", sql: include_str!("../../sql/migrations/0001_initial.sql") },
    Migration {
        version: 2,
        name: "accounting",
        sql: include_str!("../../sql/migrations/0002_accounting.sql"),
    },
    Migration { version: 3, name: "bounds", sql: include_str!("../../sql/migrations/0003_bounds.sql") },
    Migration {
        version: 4,
        name: "password_resets",
        sql: include_str!("../../sql/migrations/0004_password_resets.sql"),
    },
    Migration { version: 5, name: "keys", sql: include_str!("../../sql/migrations/0005_keys.sql") },
    Migration {
        version: 7,
        name: "search_words",
        sql: include_str!("../../sql/migrations/0007_search_words.sql"),
    },
    Migration {
        version: 8,
        name: "permissions",
        sql: include_str!("../../sql/migrations/0008_permissions.sql"),
    },
];

const ROLES: &str = include_str!("../../sql/roles.sql");
const PERMISSIONS: &str = include_str!("../../sql/permissions.sql");

/// Any number, the same for all: only one process migrates a database at a time.
const LOCK: i64 = 0x6661_6972_7977;

/// One file of `sql/migrations`, `NNNN_name.sql`.
#[derive(Debug)]
pub struct Migration {
    /// `NNNN`.
    pub version: i32,
    /// What follows it.
    pub name: &'static str,
    /// The statements, run in one transaction.
    pub sql: &'static str,
}

/// The version that this program works with.
pub fn newest() -> i32 {
    MIGRATIONS.iter().map(|it| it.version).max().unwrap_or(0)
}

/// Brings the database behind `client`, a connection of its owner, to [`newest`]. Answers the versions applied now.
///
/// Creates the roles of `logins` where they are missing and gives them their passwords; a role that is there keeps
/// its own. Waits while another process migrates the same database.
///
/// # Errors
/// When the database is newer than this program, or a statement fails; nothing is changed then.
pub async fn migrate(client: &mut Client, logins: &[&Postgresql]) -> anyhow::Result<Vec<i32>> {
    let transaction = client.transaction().await?;
    transaction.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    create_roles(&transaction, logins).await?;
    let applied = apply(&transaction).await?;
    transaction.batch_execute(PERMISSIONS).await.context("sql/permissions.sql")?;
    transaction.commit().await?;
    Ok(applied)
}

/// Refuses a database that `webapi migrate` has not been run on, or that a newer program has migrated.
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

async fn create_roles(transaction: &Transaction<'_>, logins: &[&Postgresql]) -> anyhow::Result<()> {
    let missing = transaction
        .query(
            "select name from unnest($1::text[]) as name where name not in (select rolname from pg_roles)",
            &[&logins.iter().map(|it| it.user.as_str()).collect::<Vec<_>>()],
        )
        .await?;
    transaction.batch_execute(ROLES).await.context("sql/roles.sql")?;
    for row in missing {
        let name: String = row.get("name");
        for login in logins.iter().filter(|it| it.user == name) {
            set_password(transaction, login).await?;
        }
    }
    Ok(())
}

/// Gives the role of `login` its password.
pub async fn set_password(client: &impl GenericClient, login: &Postgresql) -> anyhow::Result<()> {
    // `alter role` takes no parameters: the server quotes the two values.
    let statement: String = client
        .query_one(
            "select format('alter role %I password %L', $1::text, $2::text) as statement",
            &[&login.user, &login.password.reveal()],
        )
        .await?
        .get("statement");
    // The statement holds the password: the error's own text must not carry it.
    client.batch_execute(&statement).await.map_err(|error| {
        anyhow::anyhow!("cannot set the password of role {}: {}", login.user, crate::db::state(&error))
    })
}

async fn apply(transaction: &Transaction<'_>) -> anyhow::Result<Vec<i32>> {
    transaction
        .batch_execute(
            "create table if not exists schema_migrations (
                 version    integer primary key,
                 name       text not null,
                 applied_at timestamptz not null default now()
             )",
        )
        .await?;
    let done: Vec<i32> = transaction
        .query("select version from schema_migrations", &[])
        .await?
        .iter()
        .map(|row| row.get("version"))
        .collect();
    if let Some(newer) = done.iter().find(|it| **it > newest()) {
        bail!(
            "the database has schema {newer}, this program knows only {}; install the newer program",
            newest()
        );
    }
    let mut applied = Vec::new();
    for migration in MIGRATIONS.iter().filter(|it| !done.contains(&it.version)) {
        let Migration { version, name, sql } = migration;
        transaction.batch_execute(sql).await.with_context(|| format!("migration {version:04}_{name}.sql"))?;
        transaction
            .execute("insert into schema_migrations (version, name) values ($1, $2)", &[version, name])
            .await?;
        applied.push(*version);
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_sql_migrations_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("sql/migrations")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        files.sort();
        let known: Vec<_> =
            MIGRATIONS.iter().map(|it| format!("{:04}_{}.sql", it.version, it.name)).collect();
        assert_eq!(files, known);
    }
}
