//! API tokens.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Browser, TestSite};

/// A token of `browser`'s member, made by API.
async fn token(browser: &Browser) -> String {
    let made = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await.json();
    made["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_token_is_shown_once_and_its_name_is_listed() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let form = [("name", "Prowlarr <1>"), ("scope", "all"), ("days", "")];
    let page = browser.post_from("/account/tokens", "/account/tokens", &form).await;
    let token =
        page.body.split("id=\"secret\" value=\"").nth(1).expect("the token").split('"').next().expect("it");
    assert!(token.starts_with("fw_") && token.len() == 43, "{token}");
    let later = browser.get("/account/tokens").await;
    assert!(!later.body.contains(token));
    assert!(later.body.contains("Prowlarr &#60;1&#62;"), "its name is listed, escaped");
    site.stop().await;
}

#[tokio::test]
async fn a_token_opens_the_api_without_a_csrf_token() {
    let site = TestSite::start().await;
    let token = token(&site.member("alice", &["inviter"]).await).await;
    let script = site.browser();
    let answer = Answer::of(script.request(Method::POST, "/api/invites").bearer_auth(&token)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let session = Answer::of(script.request(Method::GET, "/api/session").bearer_auth(&token)).await.json();
    assert_eq!((&session["user"]["name"], &session["csrf_token"]), (&json!("alice"), &json!(null)));
    assert!(site.value::<bool>("select last_used_at > now() - interval '1 minute' from api_tokens").await);
    site.stop().await;
}

#[tokio::test]
async fn a_token_s_secret_is_not_stored() {
    let site = TestSite::start().await;
    let token = token(&site.member("alice", &[]).await).await;
    let row: String = site.value("select to_jsonb(api_tokens)::text from api_tokens").await;
    assert!(!row.contains(&token[3..]));
    site.stop().await;
}

#[tokio::test]
async fn use_is_written_once_a_minute_at_most() {
    let site = TestSite::start().await;
    let token = token(&site.member("alice", &[]).await).await;
    let ask =
        async || Answer::of(site.browser().request(Method::GET, "/api/session").bearer_auth(&token)).await;
    let age = "select extract(epoch from now() - last_used_at)::integer from api_tokens";
    site.execute("update api_tokens set last_used_at = now() - interval '50 seconds'").await;
    ask().await;
    assert!(site.value::<i32>(age).await >= 50);
    site.execute("update api_tokens set last_used_at = now() - interval '70 seconds'").await;
    ask().await;
    assert!(site.value::<i32>(age).await < 50);
    site.stop().await;
}

#[tokio::test]
async fn revoked_and_forged_tokens_open_nothing_even_beside_a_session() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let created = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let (token, path) =
        (created.json()["token"].as_str().expect("a token").to_owned(), created.location().to_owned());
    let forged = format!("{}{}", &token[..42], if token.ends_with('a') { 'b' } else { 'a' });
    let ask =
        async |token: &str| Answer::of(browser.request(Method::GET, "/api/session").bearer_auth(token)).await;
    assert_eq!(ask(&forged).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&token).await.status, StatusCode::OK);
    assert_eq!(browser.get(&path).await.json()["name"], "x");
    let stranger = site.member("bob", &[]).await;
    assert_eq!(
        stranger.api(Method::DELETE, &path, None).await.status,
        StatusCode::NOT_FOUND,
        "only one's own"
    );
    assert_eq!(browser.api(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ask(&token).await.status, StatusCode::UNAUTHORIZED);
    site.stop().await;
}

#[tokio::test]
async fn a_token_needs_a_name() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let long = "x".repeat(101);
    let answer = browser.post_from("/account/tokens", "/account/tokens", &[("name", &long)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("choose a name"), "{}", answer.body);
    assert!(answer.body.contains(&long), "what was typed is kept");
    let answer = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": " " }))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.json()["error"]["fields"]["name"].is_string());
    site.stop().await;
}
