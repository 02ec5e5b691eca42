//! Changes of rows that notify the tracker, and changes that do not.

use std::future::poll_fn;

use infra::db;
use infra::testing::{CONDITION_TIMEOUT, TestDatabase};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

/// The payloads that arrive on `directory` for the tracker's role.
async fn listen(database: &TestDatabase) -> (Client, UnboundedReceiver<String>) {
    let (client, mut connection) =
        db::settings(database.login("tracker"), "test").connect(NoTls).await.expect("a connection");
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(it) = message {
                let _ = sender.send(it.payload().to_owned());
            }
        }
    });
    client.batch_execute("listen directory").await.expect("listens");
    (client, receiver)
}

#[tokio::test]
async fn each_change_that_the_tracker_must_know_is_told_and_no_other() {
    let database = TestDatabase::create().await.expect("a database");
    let owner = database.client().await.expect("a connection");
    let (_client, mut told) = listen(&database).await;
    for (statement, expected) in [
        ("insert into users (name, password_hash) values ('wren', 'x')", Some("user:1")),
        ("update users set password_hash = 'y', name = 'robin'", None),
        ("update users set key_version = key_version + 1", Some("user:1")),
        ("update users set key_nonce = default", Some("user:1")),
        ("update users set disabled_at = now()", Some("user:1")),
        (
            "insert into torrents (info_hash_v1, title, size, file_count, search)
             values (decode(repeat('ab', 20), 'hex'), 'Title', 1, 1, '')",
            Some("torrent:1"),
        ),
        ("update torrents set title = 'Other', snatched = 5", None),
        ("update torrent_counts set seeders = 9", None),
        ("delete from torrents", Some("torrent:1")),
        ("delete from users", Some("user:1")),
    ] {
        // Notifications keep their order: the mark shows that nothing more came.
        owner.batch_execute(&format!("{statement}; notify directory, 'mark'")).await.expect(statement);
        let mut payloads = Vec::new();
        loop {
            let payload = tokio::time::timeout(CONDITION_TIMEOUT, told.recv())
                .await
                .expect("in time")
                .expect("a payload");
            if payload == "mark" {
                break;
            }
            payloads.push(payload);
        }
        assert_eq!(payloads, expected.into_iter().collect::<Vec<_>>(), "{statement}");
    }
    database.drop_now().await.expect("dropped");
}
