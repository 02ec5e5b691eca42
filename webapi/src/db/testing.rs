//! For tests of queries: connections of the role `webapi`, which the site has too, and rows.

use std::fmt::Display;
use std::time::Duration;

use deadpool_postgres::Client;
use infra::testing::TestDatabase;
use tokio_postgres::types::FromSql;

use crate::db::catalogue::torrent::{self, NewTorrent};
use crate::db::member::user::{self, NewUser};
use crate::id::{TorrentId, UserId};

/// The column `password_hash` of [`add_user`]'s members. No query looks into it.
pub(in crate::db) const PASSWORD_HASH: &str = "a PHC string";

/// Longest wait for a connection or a statement: far beyond what the busiest machine takes.
const TIMEOUT: Duration = Duration::from_mins(5);

/// A connection to a database of its own.
pub(in crate::db) async fn client() -> Client {
    connect(&TestDatabase::create().await.unwrap()).await
}

/// A connection to `database`: for tests that need two, or the owner's beside it.
pub(in crate::db) async fn connect(database: &TestDatabase) -> Client {
    let pool = infra::db::pool(database.login("webapi"), "test", 1, TIMEOUT, TIMEOUT).unwrap();
    pool.get().await.unwrap()
}

/// Changes rows in ways that no query of the site does.
pub(in crate::db) async fn run_sql(client: &Client, sql: &str) {
    client.batch_execute(sql).await.expect(sql);
}

/// The first column of the only row.
pub(in crate::db) async fn value<T: for<'a> FromSql<'a>>(client: &Client, sql: &str) -> T {
    client.query_one(sql, &[]).await.expect(sql).get(0)
}

/// Asserts that `touch` writes `last_used_at` of the row `id` of `table`, of no other row, and at most once a minute.
pub(in crate::db) async fn assert_touched_once_a_minute(
    client: &Client,
    table: &str,
    id: impl Display,
    touch: impl AsyncFn(),
) {
    touch().await;
    let used = format!("select array_agg(id) from {table} where last_used_at is not null");
    let used: Vec<i32> = value(client, &used).await;
    assert_eq!(used.iter().map(i32::to_string).collect::<Vec<_>>(), [id.to_string()]);
    // Both far from the limit of a minute, however long the test takes.
    for (last, kept) in [("now() + interval '1 hour'", true), ("now() - interval '2 minutes'", false)] {
        run_sql(client, &format!("update {table} set last_used_at = {last}, created_at = {last}")).await;
        touch().await;
        let same = format!("select last_used_at = created_at from {table} where id = {id}");
        assert_eq!(value::<bool>(client, &same).await, kept, "{last}");
    }
}

/// Owned words, as queries take roles.
pub(in crate::db) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

/// Adds a member whom nobody invited.
pub(in crate::db) async fn add_user(client: &Client, name: &str, roles: &[&str]) -> UserId {
    let new = NewUser { name, password_hash: PASSWORD_HASH, invited_by: None, roles: &words(roles) };
    user::insert(client, &new).await.unwrap()
}

/// A version 1 torrent of one file of 1000 bytes; its info hash is `number` twenty times.
pub(in crate::db) fn new_torrent(number: u8, title: &str, uploader_id: UserId) -> NewTorrent<'_> {
    NewTorrent {
        info_hash_v1: Some([number; 20].into()),
        info_hash_v2: None,
        title,
        description: "",
        extended: None,
        size: 1000,
        file_count: 1,
        uploader_id,
        file_names: "",
        info: b"d4:name1:ae",
        piece_layers: None,
    }
}

/// Adds a [`new_torrent`].
pub(in crate::db) async fn add_torrent(
    client: &Client,
    number: u8,
    title: &str,
    uploader_id: UserId,
) -> TorrentId {
    torrent::insert(client, &new_torrent(number, title, uploader_id)).await.unwrap()
}
