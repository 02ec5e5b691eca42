//! Migrations from an empty database and from every older schema, concurrent ones, and refusal of a newer schema.

use infra::migrations::{MIGRATIONS, Migration, check, migrate, newest};
use infra::testing::TestDatabase;
use tokio_postgres::Client;

/// Brings an empty database to the state that a program with fewer migrations left.
async fn apply_first(client: &Client, migrations: &[Migration]) {
    client
        .batch_execute(
            "create table schema_migrations
             (version integer primary key, name text not null, applied_at timestamptz not null default now())",
        )
        .await
        .expect("the table of versions");
    for Migration { version, name, sql } in migrations {
        client.batch_execute(sql).await.expect(name);
        client
            .execute("insert into schema_migrations (version, name) values ($1, $2)", &[version, name])
            .await
            .expect("recorded");
    }
}

#[tokio::test]
async fn every_older_state_is_brought_to_the_newest_and_stays_there() {
    for done in 0..=MIGRATIONS.len() {
        let database = TestDatabase::create_empty().await.expect("a database");
        let client = database.client().await.expect("a connection");
        apply_first(&client, &MIGRATIONS[..done]).await;
        let rest: Vec<_> = MIGRATIONS[done..].iter().map(|it| it.version).collect();
        assert_eq!(check(&client).await.is_ok(), rest.is_empty());
        assert_eq!(database.migrate().await.expect("migrates"), rest, "after {done}");
        assert_eq!(database.migrate().await.expect("migrates"), [0; 0], "a second time");
        check(&client).await.expect("the newest");
        drop(client);
        database.drop_now().await.expect("dropped");
    }
}

#[tokio::test]
async fn extended_information_that_prints_too_long_is_taken_away_and_no_other() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let client = database.client().await.expect("a connection");
    apply_first(&client, &MIGRATIONS[..2]).await;
    let rows = "
        insert into torrents (info_hash_v1, title, extended, size, file_count, search)
        select sha1, 'a', extended, 1, 1, ''
        from (values
            (decode(repeat('01', 20), 'hex'), '{\"Year\": 2026}'::jsonb),
            (decode(repeat('02', 20), 'hex'), jsonb_build_object('a', array_fill(1e308::numeric, array[500])))
        ) as old (sha1, extended)";
    client.batch_execute(rows).await.expect("an older program's torrents");
    database.migrate().await.expect("migrates");
    let kept = "select array_agg(extended is null order by id) from torrents";
    let kept: Vec<bool> = client.query_one(kept, &[]).await.expect("a row").get(0);
    assert_eq!(kept, [false, true]);
    client.batch_execute("update torrents set snatched = 1").await.expect("rows can be changed");
    drop(client);
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn an_empty_database_is_migrated_and_before_that_refused_with_what_to_do() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let client = database.client().await.expect("a connection");
    let refusal = check(&client).await.expect_err("no schema").to_string();
    assert!(refusal.contains("webapi migrate CONFIG"), "{refusal}");
    assert_eq!(database.migrate().await.expect("migrates").len(), MIGRATIONS.len());
    check(&client).await.expect("the newest");
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let database = TestDatabase::create().await.expect("a database");
    let client = database.client().await.expect("a connection");
    let newer = newest() + 1;
    client
        .execute("insert into schema_migrations (version, name) values ($1, 'later')", &[&newer])
        .await
        .expect("recorded");
    for refusal in [
        check(&client).await.expect_err("too new").to_string(),
        database.migrate().await.expect_err("too new").to_string(),
    ] {
        assert!(refusal.contains("install the newer program"), "{refusal}");
    }
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn of_two_at_the_same_moment_one_migrates_and_the_other_waits() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let (mut one, mut other) =
        (database.client().await.expect("a connection"), database.client().await.expect("a connection"));
    let logins = database.logins();
    let (one, other) = tokio::join!(migrate(&mut one, &logins), migrate(&mut other, &logins));
    let applied = one.expect("migrates").len() + other.expect("migrates").len();
    assert_eq!(applied, MIGRATIONS.len());
    database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn announce_keys_tokens_and_invites_from_before_go_on_as_they_were() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let client = database.client().await.expect("a connection");
    let before = MIGRATIONS.iter().position(|it| it.name == "keys").expect("the migration");
    apply_first(&client, &MIGRATIONS[..before]).await;
    let nonce = "decode(repeat('ab', 16), 'hex')";
    client
        .batch_execute(&format!(
            "insert into users (name, password_hash) values ('wren', 'x'), ('robin', 'x');
             insert into user_roles (user_id, role) values (1, 'inviter');
             insert into api_tokens (user_id, name, nonce) values (1, 'a', {nonce}), (1, 'a', {nonce});
             insert into invites (nonce, created_by, expires_at)
                 values ({nonce}, 1, 'infinity'), ({nonce}, 2, 'infinity'), ({nonce}, null, 'infinity')"
        ))
        .await
        .expect("rows of the schema before");
    database.migrate().await.expect("migrates");
    client
        .batch_execute("insert into users (name, password_hash) values ('jay', 'x'), ('owl', 'x')")
        .await
        .expect("new members");
    let texts = async |sql: &str| -> Vec<String> {
        client.query(sql, &[]).await.expect(sql).iter().map(|row| row.get(0)).collect()
    };
    let nonces = texts("select encode(key_nonce, 'hex') from users order by id").await;
    assert_eq!(nonces[..2], ["", ""], "their keys stay");
    assert!(nonces[2].len() == 32 && nonces[3].len() == 32 && nonces[2] != nonces[3], "{nonces:?}");
    let tokens =
        texts("select coalesce(scopes::text, 'none') || coalesce(expires_at::text, '') from api_tokens");
    assert_eq!(tokens.await, ["none", "none"]);
    let open = texts(
        "select coalesce(created_by::text, 'nobody') from invites where revoked_at is null order by id",
    );
    assert_eq!(open.await, ["1", "nobody"], "who may not invite any more has none open");
    drop(client);
    database.drop_now().await.expect("dropped");
}
