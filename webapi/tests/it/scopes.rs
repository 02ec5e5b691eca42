//! What API tokens may be used for: every operation is tried with a token of each scope.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use webapi::api::openapi;
use webapi::auth::needs::{ANYONE, Proof, SESSION};
use webapi::domain::member::scope::{SCOPES, Scope};

use crate::support::{Answer, Browser, PASSWORD, TestSite};

/// Method and path of each operation in the document.
fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(openapi::document()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("an item").keys();
        let method = |it: &String| (it.to_uppercase().parse().expect("a method"), path.clone());
        methods.map(method).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

async fn token(browser: &Browser, name: &str, scopes: &[&str]) -> String {
    let wish = json!({ "name": name, "scopes": scopes });
    let made = browser.api(Method::POST, "/api/tokens", Some(wish)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    made.json()["token"].as_str().expect("a token").to_owned()
}

/// The status, and `error.code` where there is one. The head of an answer is enough: event streams do not end.
async fn ask(site: &TestSite, method: Method, path: &str, token: &str) -> (StatusCode, String) {
    let request = site.browser().request(method, path).bearer_auth(token);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    if status.is_success() {
        return (status, String::new());
    }
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_operation_takes_tokens_of_the_scopes_that_the_document_names_and_no_other() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator", "inviter", "moderator"]).await;
    let mut tokens = Vec::new();
    for scope in SCOPES {
        tokens.push((scope, token(&root, scope.word(), &[scope.word()]).await));
    }
    let (_, _, table) = webapi::api::routes().split();
    let listed: Vec<(Method, String)> = table.iter().map(|it| (it.method.clone(), it.path.clone())).collect();
    let operations = operations();
    assert!(operations.iter().all(|it| listed.contains(it)), "an operation is not in the table");
    assert_eq!(operations.len(), listed.len(), "the table holds a route that is no operation");
    for route in table {
        let (method, path, needs) = (route.method, route.path, route.needs);
        let tried = path.replace("{id}", "2147483647").replace("{secret}", "x");
        for (scope, token) in &tokens {
            let (status, code) = ask(&site, method.clone(), &tried, token).await;
            let refused =
                status == StatusCode::FORBIDDEN && (code == "token_scope" || code == "session_only");
            assert_eq!(!refused, needs.allows(*scope), "{method} {path} with {scope}: {status} {code}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path} with {scope}");
            let only = needs.proof == Proof::Session;
            assert!(!refused || (code == "session_only") == only, "{method} {path} with {scope}: {code}");
        }
    }
    site.stop().await;
}

/// Accounts `root` (1) and `bob` (2), and a token of root that opens all.
async fn token_of_all() -> (TestSite, String) {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator", "inviter"]).await;
    site.add("bob", &[]).await;
    let token = token(&root, "script", &["all"]).await;
    (site, token)
}

/// Makes all tokens such as there were before there were scopes.
const OLD_TOKENS: &str = "update api_tokens set scopes = null, expires_at = null";

/// Holds that nothing has changed since [`token_of_all`].
async fn unchanged(site: &TestSite) {
    let changed = "
        select (select count(*) from api_tokens) + (select count(*) from feed_keys)
             + (select sum(key_version) from users) + (select count(*) from user_roles)
             + (select count(*) from users where disabled_at is not null)";
    assert_eq!(site.value::<i64>(changed).await, 3, "one token and two roles, as before");
}

#[tokio::test]
async fn no_token_makes_tokens_or_feed_keys_or_changes_what_protects_accounts() {
    let (site, token) = token_of_all().await;
    for old in [false, true] {
        if old {
            site.execute(OLD_TOKENS).await;
        }
        let new_password = json!({ "password": PASSWORD, "new_password": "another horse" });
        for (method, path, body) in [
            (Method::POST, "/api/tokens", json!({ "name": "child" })),
            (Method::POST, "/api/feed-keys", json!({ "name": "child" })),
            (Method::PUT, "/api/members/1/password", new_password),
            (Method::PUT, "/api/members/2/roles", json!({ "roles": ["administrator"] })),
            (Method::PATCH, "/api/members/2", json!({ "disabled": true })),
            (Method::POST, "/api/members/1/announce-key", json!({})),
        ] {
            let request = site.browser().request(method.clone(), path).bearer_auth(&token).json(&body);
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}: {}", answer.body);
            assert_eq!(answer.json()["error"]["code"], "session_only", "{method} {path}");
        }
    }
    unchanged(&site).await;
    site.stop().await;
}

#[tokio::test]
async fn no_token_sends_the_forms_of_pages_that_protect_accounts() {
    let (site, token) = token_of_all().await;
    for old in [false, true] {
        if old {
            site.execute(OLD_TOKENS).await;
        }
        for (path, form) in [
            ("/account/tokens", &[("name", "child"), ("scope", "all"), ("days", "")][..]),
            ("/account/feed-keys", &[("name", "child")]),
            ("/account/announce-url/reset", &[]),
            ("/members/2/roles", &[("role", "administrator")]),
            ("/members/2/disable", &[]),
        ] {
            let request = site.browser().request(Method::POST, path).bearer_auth(&token).form(form);
            assert_eq!(Answer::of(request).await.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    unchanged(&site).await;
    site.stop().await;
}

#[tokio::test]
async fn a_token_of_few_scopes_opens_no_page_and_brings_no_role_and_no_announce_url() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let reader = token(&root, "reader", &["read"]).await;
    let get = async |path: &str, token: &str| {
        Answer::of(site.browser().request(Method::GET, path).bearer_auth(token)).await
    };
    let id = root.get("/api/session").await.json()["user"]["id"].clone();
    let session = get("/api/session", &reader).await.json();
    assert_eq!((&session["user"]["name"], &session["user"]["roles"]), (&json!("root"), &json!([])));
    let user = get(&format!("/api/members/{id}"), &reader).await.json();
    assert!(
        user["totals"].is_object() && user["announce_url"].is_null() && user["disabled"].is_null(),
        "{user}"
    );
    for path in ["/", "/account", "/members", "/upload", "/swarm"] {
        assert_eq!(get(path, &reader).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let all = token(&root, "all", &["all"]).await;
    let user = get(&format!("/api/members/{id}"), &all).await.json();
    assert!(user["announce_url"].is_string() && user["disabled"] == false, "{user}");
    site.stop().await;
}

#[tokio::test]
async fn an_expired_token_is_refused_with_a_sentence() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let token = token(&browser, "script", &["read"]).await;
    let get =
        async || Answer::of(site.browser().request(Method::GET, "/api/session").bearer_auth(&token)).await;
    assert_eq!(get().await.status, StatusCode::OK);
    site.execute("update api_tokens set expires_at = now(), last_used_at = null").await;
    let answer = get().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], "token_expired");
    assert!(
        error["message"].as_str().expect("a sentence").contains("has expired; make another one"),
        "{error}"
    );
    assert!(site.value::<bool>("select last_used_at is null from api_tokens").await, "that was no use of it");
    let listed = browser.get("/api/tokens").await.json()["items"][0].clone();
    assert_eq!(listed["expired"], true);
    site.stop().await;
}

#[tokio::test]
async fn a_token_ends_after_a_year_or_when_it_was_said_or_never() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let days = async |name: &str, wish: Value| -> Option<i32> {
        let mut wish = wish;
        wish["name"] = name.into();
        let made = browser.api(Method::POST, "/api/tokens", Some(wish)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let sql =
            "select round(extract(epoch from expires_at - created_at) / 86400)::integer from api_tokens";
        site.value(&format!("{sql} where name = '{name}'")).await
    };
    assert_eq!(days("plain", json!({})).await, Some(365));
    assert_eq!(days("month", json!({ "expires_in_days": 30, "scopes": ["read"] })).await, Some(30));
    assert_eq!(days("endless", json!({ "expires_in_days": null })).await, None);
    for (field, wish) in [
        ("expires_in_days", json!({ "name": "x", "expires_in_days": 0 })),
        ("expires_in_days", json!({ "name": "x", "expires_in_days": 3651 })),
        ("scopes", json!({ "name": "x", "scopes": [] })),
        ("scopes", json!({ "name": "x", "scopes": ["read", "write"] })),
        ("name", json!({ "name": "plain" })),
        ("name", json!({ "name": "two\nlines" })),
    ] {
        let answer = browser.api(Method::POST, "/api/tokens", Some(wish.clone())).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wish}: {}", answer.body);
        assert!(answer.json()["error"]["fields"][field].is_string(), "{wish}: {}", answer.body);
    }
    site.stop().await;
}

#[tokio::test]
async fn tokens_made_before_there_were_scopes_open_all_and_say_so() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["inviter"]).await;
    let token = token(&browser, "old", &["read"]).await;
    site.execute("update api_tokens set scopes = null, expires_at = null").await;
    let item = browser.get("/api/tokens").await.json()["items"][0].clone();
    assert_eq!(
        (&item["before_scopes"], &item["scopes"], &item["expires_at"]),
        (&json!(true), &json!(["all"]), &Value::Null)
    );
    let invite = site.browser().request(Method::POST, "/api/invites").bearer_auth(&token);
    assert_eq!(Answer::of(invite).await.status, StatusCode::CREATED);
    site.stop().await;
}

#[tokio::test]
async fn a_member_has_50_tokens_at_most_however_many_are_asked_for_at_once() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    site.execute(
        "insert into api_tokens (user_id, name, nonce)
         select id, 'old', decode(repeat('00', 16), 'hex') from users, generate_series(1, 48)",
    )
    .await;
    let mut asked = Vec::new();
    for number in 0..6 {
        let wish = json!({ "name": format!("token {number}") });
        asked.push(Answer::of(browser.api_request(Method::POST, "/api/tokens", Some(wish)).await));
    }
    let answers = futures_util::future::join_all(asked).await;
    let made = answers.iter().filter(|it| it.status == StatusCode::CREATED).count();
    let refused = answers.iter().filter(|it| it.status == StatusCode::CONFLICT).count();
    assert_eq!((made, refused), (2, 4));
    assert_eq!(site.value::<i64>("select count(*) from api_tokens").await, 50);
    site.stop().await;
}

#[test]
fn the_matrix_has_a_line_for_each_operation() {
    let document = serde_json::to_value(openapi::document()).expect("JSON");
    let tags = document["tags"].as_array().expect("tags");
    let matrix = tags.iter().find(|it| it["name"] == "tokens").expect("the tag")["description"].to_string();
    let (_, _, table) = webapi::api::routes().split();
    for webapi::routes::Route { method, path, .. } in table {
        assert!(matrix.contains(&format!("`{method} {path}`")), "{method} {path}");
    }
    assert!(SESSION.sentence().is_some_and(|it| it.contains("session")));
    assert!(SCOPES.iter().all(|it| !SESSION.allows(*it)) && ANYONE.allows(Scope::Queue));
}
