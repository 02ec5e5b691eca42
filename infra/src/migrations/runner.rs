//! Applies migrations step by step.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use super::step::{Kind, Step, steps};
use super::{Migration, set_password};
use crate::config::{Postgresql, roles};

const ROLES: &str = include_str!("../../../sql/roles.sql");

/// Key of the advisory lock by which only one process migrates a database at a time. The number has no meaning.
const LOCK: i64 = 0x6661_6972_7977;

/// Pause between attempts to take the lock. Waiting within a statement would hold a snapshot, for whose end `create
/// index concurrently` waits.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait of a statement for a table that is in use. Later users of the table queue behind the statement.
const TABLE_TIMEOUT: &str = "set local lock_timeout = '5s'";

/// Pause after a transaction that could not lock a table, before it is tried again.
const TABLE_PAUSE: Duration = Duration::from_secs(1);

/// Number of attempts of such a transaction.
const TABLE_ATTEMPTS: u32 = 30;

/// Time between two log lines about the progress of batches.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// A schema that a database can be migrated to.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    /// Its migrations, oldest first.
    pub migrations: &'a [Migration],
    /// SQL that is applied after the migrations: `sql/permissions.sql`.
    pub permissions: &'a str,
}

/// Steps that are run in one transaction, or one step outside any transaction.
enum Stage {
    Transaction(Vec<Step>),
    Concurrently(Step),
    Batches(Step),
}

impl Schema<'_> {
    /// The version of the last migration; 0 if there is none.
    pub fn newest(&self) -> i32 {
        self.migrations.iter().map(|it| it.version).max().unwrap_or(0)
    }
}

/// [`migrate`](super::migrate) to any schema, for tests.
///
/// # Errors
/// Those of [`migrate`](super::migrate).
pub async fn bring_to(
    schema: &Schema<'_>,
    client: &mut Client,
    logins: &[&Postgresql],
) -> anyhow::Result<Vec<i32>> {
    while !client
        .query_one("select pg_try_advisory_lock($1) as taken", &[&LOCK])
        .await?
        .get::<_, bool>("taken")
    {
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    let applied = apply(schema, client, logins).await;
    if applied.is_err() {
        // Fails if the connection has ended, which releases the lock as well.
        let _ = client.execute("select pg_advisory_unlock($1)", &[&LOCK]).await;
    } else {
        client.execute("select pg_advisory_unlock($1)", &[&LOCK]).await?;
    }
    applied
}

async fn apply(schema: &Schema<'_>, client: &mut Client, logins: &[&Postgresql]) -> anyhow::Result<Vec<i32>> {
    let pending = pending(schema, client).await?;
    let applied = pending.iter().filter(|step| step.is_last).map(|step| step.migration.version).collect();
    let stages = stages(pending);
    let last = stages.len() - 1;
    for (at, stage) in stages.into_iter().enumerate() {
        match stage {
            Stage::Transaction(steps) => {
                let logins = (at == 0).then_some(logins);
                let permissions = (at == last).then_some(schema.permissions);
                transact(client, &steps, logins, permissions).await?;
            }
            Stage::Concurrently(step) => run_concurrently(client, &step).await?,
            Stage::Batches(step) => run_batches(client, &step).await?,
        }
    }
    Ok(applied)
}

/// The unfinished steps of all migrations that are not applied yet.
async fn pending(schema: &Schema<'_>, client: &Client) -> anyhow::Result<Vec<Step>> {
    let has_table: bool = client
        .query_one("select to_regclass('public.schema_migrations') is not null as found", &[])
        .await?
        .get("found");
    let mut done: Vec<i32> = Vec::new();
    if has_table {
        let rows = client.query("select version from schema_migrations", &[]).await?;
        done.extend(rows.iter().map(|row| row.get::<_, i32>("version")));
    }
    let newest = schema.newest();
    if let Some(newer) = done.iter().find(|it| **it > newest) {
        bail!("the database has schema {newer}, this program knows only {newest}; install the newer program");
    }
    client
        .batch_execute(
            "create table if not exists schema_migrations (
                 version    integer primary key,
                 name       text not null,
                 applied_at timestamptz not null default now()
             );
             -- Finished steps of a migration that is not applied yet.
             create table if not exists schema_steps (
                 version     integer not null,
                 step        integer not null,
                 finished_at timestamptz not null default now(),
                 primary key (version, step)
             )",
        )
        .await?;
    let finished: Vec<(i32, i32)> = client
        .query("select version, step from schema_steps", &[])
        .await?
        .iter()
        .map(|row| (row.get("version"), row.get("step")))
        .collect();
    let mut pending = Vec::new();
    for migration in schema.migrations.iter().filter(|it| !done.contains(&it.version)) {
        let steps = steps(*migration)?;
        pending.extend(steps.into_iter().filter(|it| !finished.contains(&(migration.version, it.number))));
    }
    Ok(pending)
}

/// Groups steps into stages: consecutive steps in transactions share one, so that a failure undoes them all. The first
/// and the last stage are transactions, because they create roles and grant permissions.
fn stages(pending: Vec<Step>) -> Vec<Stage> {
    let mut stages = vec![Stage::Transaction(Vec::new())];
    for step in pending {
        match (step.kind, stages.last_mut()) {
            (Kind::Transaction, Some(Stage::Transaction(steps))) => steps.push(step),
            (Kind::Transaction, _) => stages.push(Stage::Transaction(vec![step])),
            (Kind::Concurrently, _) => stages.push(Stage::Concurrently(step)),
            (Kind::Batches, _) => stages.push(Stage::Batches(step)),
        }
    }
    if !matches!(stages.last(), Some(Stage::Transaction(_))) {
        stages.push(Stage::Transaction(Vec::new()));
    }
    stages
}

async fn transact(
    client: &mut Client,
    steps: &[Step],
    logins: Option<&[&Postgresql]>,
    permissions: Option<&str>,
) -> anyhow::Result<()> {
    let mut attempt = 1;
    loop {
        let error = match try_to_transact(client, steps, logins, permissions).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let cause = error.downcast_ref::<tokio_postgres::Error>();
        let in_use = cause.is_some_and(|it| it.code() == Some(&SqlState::LOCK_NOT_AVAILABLE));
        if !in_use || attempt == TABLE_ATTEMPTS {
            return Err(error);
        }
        tracing::warn!("a table to be migrated is in use; trying again");
        tokio::time::sleep(TABLE_PAUSE).await;
        attempt += 1;
    }
}

async fn try_to_transact(
    client: &mut Client,
    steps: &[Step],
    logins: Option<&[&Postgresql]>,
    permissions: Option<&str>,
) -> anyhow::Result<()> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(TABLE_TIMEOUT).await?;
    name_roles(&transaction).await?;
    if let Some(logins) = logins {
        create_roles(&transaction, logins).await?;
    }
    for step in steps {
        transaction.batch_execute(step.sql).await.with_context(|| place(step))?;
        finish(&transaction, step).await?;
    }
    if let Some(permissions) = permissions {
        transaction.batch_execute(permissions).await.context("cannot apply sql/permissions.sql")?;
    }
    Ok(transaction.commit().await?)
}

/// Sets `fairywren.roles` to the names of [`roles`], for the SQL of this transaction.
async fn name_roles(transaction: &Transaction<'_>) -> anyhow::Result<()> {
    let names = roles().iter().map(|role| role.user).collect::<Vec<_>>().join(",");
    transaction.execute("select set_config('fairywren.roles', $1, true)", &[&names]).await?;
    Ok(())
}

async fn create_roles(transaction: &Transaction<'_>, logins: &[&Postgresql]) -> anyhow::Result<()> {
    let missing = transaction
        .query(
            "select name from unnest($1::text[]) as name where name not in (select rolname from pg_roles)",
            &[&logins.iter().map(|it| it.user.as_str()).collect::<Vec<_>>()],
        )
        .await?;
    transaction.batch_execute(ROLES).await.context("cannot apply sql/roles.sql")?;
    for row in missing {
        let name: String = row.get("name");
        for login in logins.iter().filter(|it| it.user == name) {
            set_password(transaction, login).await?;
        }
    }
    Ok(())
}

async fn run_concurrently(client: &mut Client, step: &Step) -> anyhow::Result<()> {
    // A killed step leaves an invalid index, which `if not exists` would accept.
    let invalid = client
        .query(
            "select format('drop index concurrently if exists %I.%I', n.nspname, c.relname) as statement
             from pg_index i
             join pg_class c on c.oid = i.indexrelid
             join pg_namespace n on n.oid = c.relnamespace
             where not i.indisvalid and c.relkind = 'i' and n.nspname = 'public'",
            &[],
        )
        .await?;
    for row in invalid {
        client.batch_execute(row.get("statement")).await.context("cannot drop an unfinished index")?;
    }
    client.batch_execute(step.sql).await.with_context(|| place(step))?;
    let transaction = client.transaction().await?;
    finish(&transaction, step).await?;
    Ok(transaction.commit().await?)
}

async fn run_batches(client: &mut Client, step: &Step) -> anyhow::Result<()> {
    let statement = client.prepare(step.sql).await.with_context(|| place(step))?;
    let (mut rows, mut said) = (0, Instant::now());
    loop {
        let transaction = client.transaction().await?;
        let changed = transaction.execute(&statement, &[]).await.with_context(|| place(step))?;
        if changed == 0 {
            finish(&transaction, step).await?;
        }
        transaction.commit().await?;
        if changed == 0 {
            return Ok(());
        }
        rows += changed;
        if said.elapsed() >= PROGRESS_INTERVAL {
            said = Instant::now();
            tracing::info!("{}: {rows} rows changed so far", place(step));
        }
    }
}

/// Stores that `step` is finished.
async fn finish(transaction: &Transaction<'_>, step: &Step) -> anyhow::Result<()> {
    let Step { migration: Migration { version, name, .. }, number, is_last, .. } = step;
    if *is_last {
        transaction
            .execute("insert into schema_migrations (version, name) values ($1, $2)", &[version, name])
            .await?;
        transaction.execute("delete from schema_steps where version = $1", &[version]).await?;
    } else {
        transaction
            .execute("insert into schema_steps (version, step) values ($1, $2)", &[version, number])
            .await?;
    }
    Ok(())
}

fn place(step: &Step) -> String {
    let Migration { version, name, .. } = step.migration;
    format!("migration {version:04}_{name}.sql, step {}", step.number)
}
