//! Migrations in several steps: indexes built beside readers and writers, batches that go on after a kill.

use std::process::Stdio;

use infra::config::Postgresql;
use infra::db;
use infra::migrations::{MIGRATIONS, Migration, SCHEMA, Schema, bring_to, check};
use infra::testing::{TestDatabase, eventually};
use tokio::process::Command;
use tokio_postgres::Client;

/// Names the database of the process that [`a_killed_migration_goes_on_where_it_was`] kills.
const KILLED: &str = "FAIRYWREN_TEST_KILLED_MIGRATION";

/// Fills a column in batches of ten rows, each noted, and builds an index of it. After three batches it waits for whoever
/// holds the advisory lock 77.
const BACKFILL: Migration = Migration {
    version: 9001,
    name: "backfill",
    sql: "alter table torrents add column words_count integer;
create table batches (id integer generated always as identity, backend integer not null default pg_backend_pid());
--- batches
with chosen as (
    select t.id from torrents t where t.words_count is null order by t.id limit 10 for update
), noted as (
    insert into batches (backend) select pg_backend_pid() from chosen
    where (select count(*) from batches) < 3 or pg_advisory_xact_lock_shared(77) is not null limit 1
)
update torrents t set words_count = cardinality(string_to_array(t.title, ' ')) from chosen where t.id = chosen.id;
--- concurrently
create index concurrently if not exists torrents_words_count on torrents (words_count);
--- transaction
alter table torrents alter column words_count set default 0;
",
};

/// Rows to be filled: 30 batches.
const ROWS: i64 = 300;

/// This program's schema with `more`.
fn migrations(more: Migration) -> Vec<Migration> {
    MIGRATIONS.iter().copied().chain([more]).collect()
}

async fn bring_beyond(
    client: &mut Client,
    more: Migration,
    logins: &[&Postgresql],
) -> anyhow::Result<Vec<i32>> {
    let migrations = migrations(more);
    bring_to(&Schema { migrations: &migrations, ..SCHEMA }, client, logins).await
}

/// A migrated database with [`ROWS`] torrents.
async fn filled() -> TestDatabase {
    let database = TestDatabase::create().await.expect("a database");
    let client = database.client().await.expect("a connection");
    let rows = format!(
        "insert into torrents (info_hash_v1, title, size, file_count, search)
         select decode(lpad(to_hex(it), 40, '0'), 'hex'), 'Torrent number ' || it, 1, 1, ''
         from generate_series(1, {ROWS}) it"
    );
    client.batch_execute(&rows).await.expect("torrents");
    database
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.expect(sql).get(0)
}

#[tokio::test]
async fn steps_are_applied_in_order_and_noted_once() {
    let database = filled().await;
    let mut client = database.client().await.expect("a connection");
    assert_eq!(bring_beyond(&mut client, BACKFILL, &[]).await.expect("migrates"), [9001]);
    assert_eq!(number(&client, "select count(*) from torrents where words_count = 3").await, ROWS);
    assert_eq!(number(&client, "select count(*) from batches").await, ROWS / 10);
    assert_eq!(number(&client, "select count(*) from schema_steps").await, 0);
    assert_eq!(bring_beyond(&mut client, BACKFILL, &[]).await.expect("migrates"), [0; 0], "a second time");
    drop(client);
    database.drop_now().await.expect("dropped");
}

/// Migrates the database that [`KILLED`] names, in a process of its own; passes where none is named.
#[tokio::test]
async fn in_the_process_that_is_killed() {
    let Ok(login) = std::env::var(KILLED) else { return };
    let login: Postgresql = serde_json::from_str(&login).expect("a connection");
    let mut client = db::connect(&login, "test").await.expect("a connection");
    bring_beyond(&mut client, BACKFILL, &[]).await.expect("migrates");
}

#[tokio::test]
async fn a_killed_migration_goes_on_where_it_was() {
    let database = filled().await;
    let mut client = database.client().await.expect("a connection");
    let blocker = database.client().await.expect("a connection");
    blocker.execute("select pg_advisory_lock(77)", &[]).await.expect("the lock");
    let login = serde_json::to_string(&database.owner).expect("JSON");
    let mut process = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "migration_steps::in_the_process_that_is_killed"])
        .env(KILLED, login)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let has_batches = "select count(*) from pg_class where relname = 'batches'";
    eventually("the second step has begun", async || number(&client, has_batches).await == 1).await;
    eventually("three batches are done", async || number(&client, "select count(*) from batches").await == 3)
        .await;
    process.kill().await.expect("killed");

    // The previous program goes on: this one, which knows nothing of the migration that was killed.
    check(&client).await.expect("the schema counts as the one before");
    let webapi = db::connect(database.login("webapi"), "test").await.expect("a connection");
    webapi
        .batch_execute(
            "update torrents set title = 'Renamed torrent' where id = 1;
             insert into torrents (info_hash_v1, title, size, file_count, search)
             values (decode(repeat('ff', 20), 'hex'), 'Added by the previous program', 1, 1, '')",
        )
        .await
        .expect("its work");

    // The dead process' connection ends when its statement does.
    drop(blocker);
    assert_eq!(bring_beyond(&mut client, BACKFILL, &[]).await.expect("migrates"), [9001]);
    let batches = number(&client, "select count(*) from batches").await;
    assert_eq!(batches, ROWS / 10 + 1, "no batch was done twice");
    let backends = number(&client, "select count(distinct backend) from batches").await;
    assert_eq!(backends, 2, "both processes did some");
    assert_eq!(number(&client, "select count(*) from torrents where words_count is null").await, 0);
    drop((client, webapi));
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn an_index_that_a_killed_build_left_is_built_anew() {
    let database = filled().await;
    let mut client = database.client().await.expect("a connection");
    client.batch_execute("update torrents set snatched = 0").await.expect("two equal rows");
    client
        .batch_execute("create unique index concurrently torrents_once on torrents (snatched)")
        .await
        .expect_err("it is left unfinished");
    let migration = Migration {
        version: 9001,
        name: "index",
        sql: "--- concurrently\ncreate index concurrently if not exists torrents_once on torrents (snatched);\n",
    };
    bring_beyond(&mut client, migration, &[]).await.expect("migrates");
    let valid = "select count(*) from pg_index where indexrelid = 'torrents_once'::regclass and indisvalid";
    assert_eq!(number(&client, valid).await, 1);
    drop(client);
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn two_processes_do_not_build_an_index_at_the_same_moment() {
    let database = filled().await;
    let (mut one, mut other) =
        (database.client().await.expect("a connection"), database.client().await.expect("a connection"));
    let (first, second) =
        tokio::join!(bring_beyond(&mut one, BACKFILL, &[]), bring_beyond(&mut other, BACKFILL, &[]));
    let applied = [first.expect("migrates"), second.expect("migrates")].concat();
    assert_eq!(applied, [9001]);
    assert_eq!(number(&one, "select count(*) from batches").await, ROWS / 10);
    drop((one, other));
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn a_failed_step_undoes_its_transaction_and_none_before() {
    let database = filled().await;
    let mut client = database.client().await.expect("a connection");
    let migration = Migration {
        version: 9001,
        name: "broken",
        sql: "create table kept (id integer);\n--- batches\nupdate torrents set snatched = 1 where snatched = 0;\n\
              --- transaction\ncreate table undone (id integer);\nselect 1 / 0;\n",
    };
    let error = bring_beyond(&mut client, migration, &[]).await.expect_err("it divides by zero");
    let error = format!("{error:#}");
    assert!(error.contains("migration 9001_broken.sql, step 3"), "{error}");
    let tables = "select count(*) from pg_class where relname in ('kept', 'undone')";
    assert_eq!(number(&client, tables).await, 1);
    assert_eq!(number(&client, "select count(*) from schema_steps where version = 9001").await, 2);
    check(&client).await.expect("it is not applied");
    drop(client);
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn a_migration_waits_for_a_table_that_is_in_use() {
    let database = filled().await;
    let mut client = database.client().await.expect("a connection");
    let mut reader = database.client().await.expect("a connection");
    let reading = reader.transaction().await.expect("a transaction");
    reading.query_one("select count(*) from torrents", &[]).await.expect("a count");
    let migration =
        Migration { version: 9001, name: "column", sql: "alter table torrents add column mine integer;\n" };
    let watcher = database.client().await.expect("a connection");
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let (applied, ()) = tokio::join!(bring_beyond(&mut client, migration, &[]), async {
        eventually("the migration waits", async || number(&watcher, waits).await == 1).await;
        reading.commit().await.expect("the reader ends");
    });
    assert_eq!(applied.expect("migrates"), [9001]);
    drop((client, reader, watcher));
    database.drop_now().await.expect("dropped");
}
