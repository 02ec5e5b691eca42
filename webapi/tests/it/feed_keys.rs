//! Feed keys: kept apart from tokens, and what they open.

use reqwest::{Method, StatusCode};
use serde_json::json;
use webapi::domain::member::feed_key::{self, FeedKey};

use crate::support::{Answer, Browser, TestSite};

async fn make(browser: &Browser, name: &str) -> (String, String) {
    let made = browser.api(Method::POST, "/api/feed-keys", Some(json!({ "name": name }))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    (made.json()["key"].as_str().expect("a key").to_owned(), made.location().to_owned())
}

/// Whether the rules of the doors take `text` as a feed key, and whose.
async fn open(site: &TestSite, text: &str) -> Option<String> {
    let client = site.app.connection().await.expect("a connection");
    let key = FeedKey::parse(text)?;
    Some(feed_key::open(&site.app.keys, &client, key).await.ok()?.name)
}

#[tokio::test]
async fn a_feed_key_s_secret_is_neither_stored_nor_listed() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let (key, _) = make(&browser, "reader").await;
    assert!(key.starts_with("fwf_") && key.len() == 44, "{key}");
    let listed = browser.get("/api/feed-keys").await.body;
    assert!(listed.contains("reader") && !listed.contains(&key[4..]), "{listed}");
    let row: String = site.value("select to_jsonb(feed_keys)::text from feed_keys").await;
    assert!(!row.contains(&key[4..]));
    site.stop().await;
}

#[tokio::test]
async fn a_feed_key_serves_its_member_and_notes_its_use() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let (key, _) = make(&browser, "reader").await;
    assert_eq!(open(&site, &key).await.as_deref(), Some("alice"));
    assert!(site.value::<bool>("select last_used_at > now() - interval '1 minute' from feed_keys").await);
    site.stop().await;
}

#[tokio::test]
async fn a_feed_key_is_revoked_alone_and_by_its_member_only() {
    let site = TestSite::start().await;
    let (browser, bob) = (site.member("alice", &[]).await, site.member("bob", &[]).await);
    let (reader, path) = make(&browser, "reader").await;
    let (other, _) = make(&browser, "other").await;
    assert_eq!(bob.api(Method::DELETE, &path, None).await.status, StatusCode::NOT_FOUND, "only one's own");
    assert_eq!(browser.get(&path).await.json()["name"], "reader");
    assert_eq!(browser.api(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(open(&site, &reader).await, None);
    assert_eq!(open(&site, &other).await.as_deref(), Some("alice"));
    site.stop().await;
}

#[tokio::test]
async fn a_feed_key_is_no_token_and_a_token_no_feed_key() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["administrator"]).await;
    let (key, _) = make(&browser, "reader").await;
    let token = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": "script" }))).await.json();
    let token = token["token"].as_str().expect("a token").to_owned();
    let bearer = async |text: &str| {
        Answer::of(site.browser().request(Method::GET, "/api/torrents").bearer_auth(text)).await.status
    };
    assert_eq!(bearer(&token).await, StatusCode::OK);
    assert_eq!(bearer(&key).await, StatusCode::UNAUTHORIZED);
    // Both rows have the number 1: it is the secret behind the prefix that differs.
    assert_eq!(bearer(&format!("fw_{}", &key[4..])).await, StatusCode::UNAUTHORIZED);
    assert_eq!(open(&site, &key).await.as_deref(), Some("alice"));
    assert_eq!(open(&site, &token).await, None);
    assert_eq!(open(&site, &format!("fwf_{}", &token[3..])).await, None);
    let announce = site.app.config.tracker_url.as_str();
    assert!(!announce.contains(&key[4..]));
    site.stop().await;
}

#[tokio::test]
async fn a_disabled_member_is_served_by_no_feed_key() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let browser = site.member("alice", &[]).await;
    let (key, _) = make(&browser, "reader").await;
    let id: i32 = site.value("select id from users where name = 'alice'").await;
    let path = format!("/api/members/{id}");
    root.api(Method::PATCH, &path, Some(json!({ "disabled": true }))).await;
    assert_eq!(open(&site, &key).await, None);
    root.api(Method::PATCH, &path, Some(json!({ "disabled": false }))).await;
    assert_eq!(open(&site, &key).await, None, "it does not come back");
    site.stop().await;
}

#[tokio::test]
async fn names_of_feed_keys_are_unique_for_each_member_and_50_are_enough() {
    let site = TestSite::start().await;
    let (alice, bob) = (site.member("alice", &[]).await, site.member("bob", &[]).await);
    make(&alice, "reader").await;
    make(&bob, "reader").await;
    for name in ["reader", " reader ", "", &"x".repeat(101)] {
        let answer = alice.api(Method::POST, "/api/feed-keys", Some(json!({ "name": name }))).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.json()["error"]["fields"]["name"].is_string(), "{}", answer.body);
    }
    site.execute(
        "insert into feed_keys (user_id, name, nonce)
         select u.id, 'key ' || n, decode(repeat('00', 16), 'hex')
         from users u, generate_series(1, 49) n where u.name = 'alice'",
    )
    .await;
    let answer = alice.api(Method::POST, "/api/feed-keys", Some(json!({ "name": "more" }))).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.json()["error"]["code"], "too_many_feed_keys");
    make(&bob, "more").await;
    site.stop().await;
}
