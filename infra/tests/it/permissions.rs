//! Statements that the roles of the webapi and the tracker may run, and statements that they may not.

use std::collections::BTreeSet;

use infra::testing::TestDatabase;
use infra::{db, migrations};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// All that the tracker reads.
const TRACKER_READS: [&str; 11] = [
    "schema_migrations.version",
    "torrents.id",
    "torrents.info_hash",
    "torrents.info_hash_v1",
    "torrents.info_hash_v2",
    "torrents.snatched",
    "users.disabled_at",
    "users.former_key_nonce",
    "users.id",
    "users.key_nonce",
    "users.key_version",
];

/// What no role but the owner may do in this database.
const OWNER_ONLY: [&str; 10] = [
    "create table mine (id integer)",
    "create temporary table mine (id integer)",
    "create schema mine",
    "create function mine() returns integer language sql as 'select 1'",
    "alter table users add column mine text",
    "alter table users disable trigger all",
    "drop table users",
    "truncate sessions",
    "create index mine on users (created_at)",
    "insert into schema_migrations (version, name) values (999, 'mine')",
];

/// A database with the rights that migrations give: those of the database itself are not copied from a template.
async fn migrated() -> TestDatabase {
    let database = TestDatabase::create_empty().await.expect("a database");
    database.migrate().await.expect("migrates");
    database
}

async fn assert_refused(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.expect_err(statement);
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {error}");
}

/// Every column of every table, as the owner sees them: `(table, column)`.
async fn columns(owner: &Client) -> Vec<(String, String)> {
    let rows = owner
        .query(
            "select c.relname as table, a.attname as column
             from pg_attribute a join pg_class c on c.oid = a.attrelid
             where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped",
            &[],
        )
        .await
        .expect("columns");
    rows.iter().map(|row| (row.get("table"), row.get("column"))).collect()
}

#[tokio::test]
async fn the_tracker_reads_its_columns_and_no_other() {
    let database = migrated().await;
    let owner = database.client().await.expect("a connection");
    let tracker = db::connect(database.login("tracker"), "test").await.expect("a connection");
    let mut read = BTreeSet::new();
    for (table, column) in columns(&owner).await {
        let statement = format!("select {column} from {table} limit 1");
        match tracker.batch_execute(&statement).await {
            Ok(()) => drop(read.insert(format!("{table}.{column}"))),
            Err(error) => assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{error}"),
        }
    }
    assert_eq!(read.iter().map(String::as_str).collect::<Vec<_>>(), TRACKER_READS);
    migrations::check(&tracker).await.expect("it may look at the version");
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn the_tracker_writes_nothing() {
    let database = migrated().await;
    let owner = database.client().await.expect("a connection");
    let tracker = db::connect(database.login("tracker"), "test").await.expect("a connection");
    for (table, column) in columns(&owner).await {
        for statement in [
            format!("insert into {table} default values"),
            format!("update {table} set {column} = default"),
            format!("delete from {table}"),
            format!("truncate {table}"),
            format!("lock table {table} in exclusive mode"),
        ] {
            let statement = format!("begin; {statement}; commit");
            let error = tracker.batch_execute(&statement).await.expect_err(&statement);
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {error}");
            tracker.batch_execute("rollback").await.expect("rolled back");
        }
    }
    for statement in OWNER_ONLY {
        assert_refused(&tracker, statement).await;
    }
    assert_refused(&tracker, "select nextval('torrents_id_seq')").await;
    assert_refused(&tracker, "copy users to '/tmp/users'").await;
    for large_object in ["lo_creat(-1)", "lo_create(0)", "lo_from_bytea(0, 'x')"] {
        assert_refused(&tracker, &format!("select {large_object}")).await;
    }
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn the_site_does_its_work_but_no_owners_work() {
    let database = migrated().await;
    let webapi = db::connect(database.login("webapi"), "test").await.expect("a connection");
    webapi
        .batch_execute(
            "insert into users (name, password_hash) values ('wren', 'x');
             insert into user_roles (user_id, role) select id, 'inviter' from users;
             insert into sessions (id, user_id, data, expires_at) select '\\x01', id, '{}', now() from users;
             insert into api_tokens (user_id, name, nonce) select id, 'a', decode(repeat('00', 16), 'hex') from users;
             insert into feed_keys (user_id, name, nonce) select id, 'a', decode(repeat('00', 16), 'hex') from users;
             insert into invites (nonce, created_by, expires_at)
                 select decode(repeat('00', 16), 'hex'), id, now() from users;
             insert into torrents (info_hash_v1, title, size, file_count, uploader_id, search)
                 select decode(repeat('ab', 20), 'hex'), 'Title', 1, 1, id, to_tsvector('simple', words('Title'))
                 from users;
             insert into metainfo (torrent_id, info) select id, 'x' from torrents;
             insert into files (torrent_id, position, path, size) select id, 0, 'a', 1 from torrents;
             update torrent_counts set seeders = 1;
             insert into report_streams (epoch, seq) values (1, 1);
             insert into transfers (user_id, torrent_id) select u.id, t.id from users u, torrents t;
             insert into user_totals (user_id) select id from users;
             update transfers set uploaded = add_up(uploaded, 1);
             insert into history_days (day, hours) values ('2026-11-21', 1);
             insert into torrent_history (torrent_id, day, points) select id, '2026-11-21', '' from torrents;
             delete from report_streams;
             delete from history_days;
             update users set key_version = key_version + 1;
             select version from schema_migrations;
             select name from roles;
             delete from torrents;
             delete from users;",
        )
        .await
        .expect("its work");
    for table in ["torrent_counts", "transfers", "torrent_history", "user_totals"] {
        let sql = format!("select count(*) as left from {table}");
        let left = webapi.query_one(&sql, &[]).await.expect("a count");
        assert_eq!(left.get::<_, i64>("left"), 0, "{table} go with their torrent or member");
    }
    for statement in OWNER_ONLY {
        assert_refused(&webapi, statement).await;
    }
    for statement in
        ["delete from schema_migrations", "insert into roles values ('god', '')", "delete from roles"]
    {
        assert_refused(&webapi, statement).await;
    }
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn a_right_given_by_hand_is_taken_away_by_the_next_migration() {
    let database = migrated().await;
    let owner = database.client().await.expect("a connection");
    owner
        .batch_execute("grant select on users to tracker; grant all on schema public to webapi")
        .await
        .expect("given");
    database.migrate().await.expect("migrates");
    let tracker = db::connect(database.login("tracker"), "test").await.expect("a connection");
    assert_refused(&tracker, "select password_hash from users").await;
    let webapi = db::connect(database.login("webapi"), "test").await.expect("a connection");
    assert_refused(&webapi, "create table mine (id integer)").await;
    database.drop_now().await.expect("dropped");
}
