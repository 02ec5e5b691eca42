//! No change without proof that our own page asked for it: over all routes there are.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, PASSWORD, TestSite};

/// Routes of pages that change something, from the table that the router is built from.
pub(crate) fn page_changes() -> Vec<String> {
    let (_, _, pages) = webapi::ui::routes().split();
    let mut paths: Vec<String> =
        pages.into_iter().filter(|it| it.method == Method::POST).map(|it| it.path).collect();
    paths.sort();
    paths
}

/// A path whose parameters are filled in with something.
pub(crate) fn filled(path: &str) -> String {
    let parts = path.split('/').map(|it| match it {
        "{secret}" => "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        it if it.starts_with('{') => "1",
        it => it,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_form_is_refused_without_its_token() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["administrator"]).await;
    let paths = page_changes();
    assert!(paths.len() >= 14, "{paths:?}");
    for path in paths {
        let path = filled(&path);
        for token in [None, Some(""), Some("wrong")] {
            let mut form = vec![("username", "x"), ("password", PASSWORD), ("role", "moderator")];
            form.extend(token.map(|it| ("csrf", it)));
            let answer = if path == "/upload" {
                let parts = token
                    .into_iter()
                    .fold(reqwest::multipart::Form::new(), |parts, it| parts.text("csrf", it.to_owned()));
                Answer::of(browser.request(Method::POST, &path).multipart(parts.text("title", "x"))).await
            } else {
                browser.post(&path, &form).await
            };
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} with {token:?}: {}", answer.body);
        }
    }
    assert!(browser.is_signed_in().await);
    site.stop().await;
}

#[tokio::test]
async fn every_change_by_api_is_refused_without_its_header() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["administrator", "inviter"]).await;
    let document = browser.get("/api/openapi.json").await.json();
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let method: Method = method.to_uppercase().parse().expect("a method");
            // These are for those who are not signed in; their media type keeps other sites out.
            let doors = ["/api/session", "/api/invites/{secret}", "/api/password-resets/{secret}"];
            let open = method == Method::POST && doors.contains(&path.as_str());
            if method == Method::GET || open {
                continue;
            }
            seen += 1;
            for token in [None, Some("wrong")] {
                let mut request = browser.request(method.clone(), &filled(path)).json(&json!({}));
                if let Some(token) = token {
                    request = request.header("x-csrf-token", token);
                }
                let answer = Answer::of(request).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}: {}", answer.body);
                assert_eq!(answer.json()["error"]["code"], "forbidden");
            }
        }
    }
    assert!(seen >= 12, "{seen} changes");
    site.stop().await;
}

#[tokio::test]
async fn a_form_of_another_visitor_or_of_another_session_does_not_do() {
    let site = TestSite::start().await;
    let (alice, bob, nobody) =
        (site.member("alice", &["inviter"]).await, site.member("bob", &[]).await, site.browser());
    let token = bob.get("/account").await.csrf();
    assert_eq!(alice.post("/invites", &[("csrf", &token)]).await.status, StatusCode::FORBIDDEN);
    let token = nobody.get("/sign-in").await.csrf();
    assert_eq!(alice.post("/invites", &[("csrf", &token)]).await.status, StatusCode::FORBIDDEN);
    let form = [("csrf", &*token), ("username", "alice"), ("password", PASSWORD)];
    assert_eq!(site.browser().post("/sign-in", &form).await.status, StatusCode::FORBIDDEN);
    site.stop().await;
}

#[tokio::test]
async fn other_sites_are_told_by_the_browser_s_own_headers() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["inviter"]).await;
    let token = browser.get("/invites").await.csrf();
    let post = |headers: &'static [(&'static str, &'static str)]| {
        let mut request = browser.request(Method::POST, "/invites").form(&[("csrf", &token)]);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request)
    };
    assert_eq!(post(&[("sec-fetch-site", "cross-site")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(post(&[("sec-fetch-site", "same-site")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(post(&[("origin", "https://evil.example")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        post(&[("sec-fetch-site", "same-origin"), ("origin", "null")]).await.status,
        StatusCode::SEE_OTHER
    );
    let body = json!({ "username": "alice", "password": PASSWORD });
    let request =
        site.browser().request(Method::POST, "/api/session").header("origin", "https://evil.example");
    assert_eq!(Answer::of(request.json(&body)).await.status, StatusCode::FORBIDDEN);
    site.stop().await;
}

#[tokio::test]
async fn signing_in_by_api_takes_json_only() {
    let site = TestSite::start().await;
    site.add("alice", &[]).await;
    let text = json!({ "username": "alice", "password": PASSWORD }).to_string();
    let request = site.browser().request(Method::POST, "/api/session").header("content-type", "text/plain");
    let answer = Answer::of(request.body(text)).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.json()["error"]["code"], "unsupported_media_type");
    site.stop().await;
}
