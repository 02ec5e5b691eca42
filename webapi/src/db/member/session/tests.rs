use super::*;
use crate::db::testing::{PASSWORD_HASH, add_user, client, run_sql, value};
use deadpool_postgres::Client;
use serde_json::json;
use time::Duration;
use time::macros::datetime;

/// Longest life of a session in these tests, in days.
const MAX_DAYS: i32 = 30;

fn new_session(user_id: UserId) -> NewSession<'static> {
    NewSession {
        user_id: Some(user_id),
        password_hash: Some(PASSWORD_HASH),
        user_agent: "Firefox",
        data: Data::from([("theme".to_owned(), json!("dark"))]),
        expires_at: OffsetDateTime::now_utc() + Duration::days(1),
    }
}

async fn add(client: &Client, id_hash: &[u8], user_id: UserId) {
    insert(client, id_hash, &new_session(user_id)).await.unwrap().unwrap();
}

/// Hashes of all sessions, sorted, as text.
async fn hashes(client: &Client) -> Vec<String> {
    let sql = "select coalesce(array_agg(convert_from(id, 'utf8') order by id), '{}') from sessions";
    value(client, sql).await
}

#[tokio::test]
async fn insert_opens_a_session_for_the_password_that_was_checked() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let times = insert(&client, b"one", &new_session(wren)).await.unwrap().unwrap();
    assert_eq!(times.created_at, times.last_seen_at);
    assert_eq!(hashes(&client).await, ["one"]);
    let changed = NewSession { password_hash: Some("another"), ..new_session(wren) };
    assert!(insert(&client, b"two", &changed).await.unwrap().is_none());
    let nobody = NewSession { user_id: None, ..new_session(wren) };
    assert!(insert(&client, b"two", &nobody).await.unwrap().is_none());
    run_sql(&client, "update users set disabled_at = now()").await;
    assert!(insert(&client, b"two", &new_session(wren)).await.unwrap().is_none());
    assert_eq!(hashes(&client).await, ["one"]);
}

#[tokio::test]
async fn insert_ends_a_members_least_used_session_beyond_the_limit() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    add(&client, b"of another", robin).await;
    // Number 50 was seen longest ago, number 100 opened longest ago.
    let full = format!(
        "insert into sessions (id, user_id, data, created_at, last_seen_at, expires_at)
         select convert_to('number ' || n, 'utf8'), {wren}, '{{}}', now() - make_interval(days => n),
                now() - make_interval(hours => 1 + (n = 50)::int), now() + interval '1 day'
         from generate_series(1, {MAX_SESSIONS}) n"
    );
    run_sql(&client, &full).await;
    add(&client, b"new", wren).await;
    let left = hashes(&client).await;
    assert_eq!(left.len(), 101);
    assert!(left.contains(&"new".to_owned()) && left.contains(&"of another".to_owned()));
    assert!(!left.contains(&"number 50".to_owned()));
    // Of those seen at the same time the first goes.
    add(&client, b"newer", wren).await;
    let left = hashes(&client).await;
    assert_eq!((left.len(), left.contains(&"number 1".to_owned())), (101, false));
}

#[tokio::test]
async fn update_writes_data_and_an_end_within_the_longest_life() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    add(&client, b"one", wren).await;
    add(&client, b"two", wren).await;
    run_sql(&client, "update sessions set last_seen_at = created_at - interval '1 hour'").await;
    let data = Data::from([("theme".to_owned(), json!("light"))]);
    let end = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap() + Duration::days(2);
    update(&client, b"one", &data, end, MAX_DAYS).await.unwrap();
    let found = find(&client, b"one", MAX_DAYS).await.unwrap().unwrap();
    assert_eq!((found.data, found.expires_at), (data.clone(), end));
    assert!(found.times.last_seen_at >= found.times.created_at);
    let other = find(&client, b"two", MAX_DAYS).await.unwrap().unwrap();
    assert_eq!(other.data["theme"], "dark");
    assert!(other.times.last_seen_at < other.times.created_at);
    update(&client, b"one", &data, end, 1).await.unwrap();
    let cut = "select expires_at = created_at + interval '1 day' from sessions where id = 'one'";
    assert!(value::<bool>(&client, cut).await);
}

#[tokio::test]
async fn update_does_not_reopen_a_session_that_was_ended() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    add(&client, b"one", wren).await;
    delete(&client, b"one").await.unwrap();
    let end = OffsetDateTime::now_utc() + Duration::days(2);
    update(&client, b"one", &Data::new(), end, MAX_DAYS).await.unwrap();
    assert!(hashes(&client).await.is_empty());
}

#[tokio::test]
async fn find_answers_what_was_stored_while_the_session_lasts() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    add(&client, b"one", wren).await;
    let at = datetime!(2026-11-21 12:00 UTC);
    run_sql(&client, "update sessions set last_seen_at = '2026-11-21 12:00Z'").await;
    let found = find(&client, b"one", MAX_DAYS).await.unwrap().unwrap();
    assert_eq!((found.user_id, found.user_agent.as_str()), (Some(wren), "Firefox"));
    assert_eq!((found.data["theme"].as_str(), found.times.last_seen_at), (Some("dark"), at));
    assert!(find(&client, b"two", MAX_DAYS).await.unwrap().is_none());
    for (change, there) in [
        ("expires_at = now()", false),
        ("expires_at = now() + interval '1 day', created_at = now() - interval '30 days 2 hours'", false),
        ("created_at = now() - interval '30 days' + interval '2 hours'", true),
    ] {
        run_sql(&client, &format!("update sessions set {change}")).await;
        assert_eq!(find(&client, b"one", MAX_DAYS).await.unwrap().is_some(), there, "{change}");
    }
}

#[tokio::test]
async fn delete_ends_one_session() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    add(&client, b"one", wren).await;
    add(&client, b"two", wren).await;
    delete(&client, b"one").await.unwrap();
    delete(&client, b"never was").await.unwrap();
    assert_eq!(hashes(&client).await, ["two"]);
}

#[tokio::test]
async fn sweep_deletes_what_has_expired() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    for id_hash in [b"one", b"two"] {
        add(&client, id_hash, wren).await;
    }
    run_sql(&client, "update sessions set expires_at = now() where id = 'one'").await;
    assert_eq!(sweep(&client).await.unwrap(), 1);
    assert_eq!(hashes(&client).await, ["two"]);
    assert_eq!(sweep(&client).await.unwrap(), 0);
}

#[tokio::test]
async fn list_begins_with_the_session_that_asks_and_those_seen_last() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    for id_hash in ["a", "b", "c", "d", "expired"] {
        add(&client, id_hash.as_bytes(), wren).await;
    }
    add(&client, b"of another", robin).await;
    run_sql(
        &client,
        "update sessions set user_agent = convert_from(id, 'utf8'), last_seen_at = '2026-11-21 12:00Z';
         update sessions set last_seen_at = '2026-11-21 13:00Z' where id = 'd';
         update sessions set expires_at = now() where id = 'expired'",
    )
    .await;
    // The user agent says which session it is.
    for (current, expected) in [
        (Some(&b"b"[..]), [("b", true), ("d", false), ("a", false), ("c", false)]),
        (None, [("d", false), ("a", false), ("b", false), ("c", false)]),
    ] {
        let found = list(&client, wren, current).await.unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.user_agent.as_str(), it.current)).collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn end_takes_only_a_members_own() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    add(&client, b"one", wren).await;
    add(&client, b"two", wren).await;
    let public_id: SessionId = value(&client, "select public_id from sessions where id = 'one'").await;
    assert!(!end(&client, robin, public_id).await.unwrap());
    assert!(end(&client, wren, public_id).await.unwrap());
    assert!(!end(&client, wren, public_id).await.unwrap());
    assert_eq!(hashes(&client).await, ["two"]);
}

#[tokio::test]
async fn end_others_keeps_the_one_that_asks_and_other_members() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    for id_hash in [b"one", b"two", b"six"] {
        add(&client, id_hash, wren).await;
    }
    add(&client, b"of another", robin).await;
    assert_eq!(end_others(&client, wren, Some(b"two")).await.unwrap(), 2);
    assert_eq!(hashes(&client).await, ["of another", "two"]);
    assert_eq!(end_others(&client, wren, None).await.unwrap(), 1);
    assert_eq!(hashes(&client).await, ["of another"]);
}
