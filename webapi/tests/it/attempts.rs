//! Limits on failed attempts to sign in, by account, address and browser.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Browser, PASSWORD, TestSite};

async fn limited(allowed: u32) -> TestSite {
    let site = TestSite::start_with(|config| {
        config["webapi"]["signInAttempts"] = allowed.into();
        config["trustedProxies"] = json!(["127.0.0.1/32"]);
    })
    .await;
    for name in ["alice", "bob"] {
        site.add(name, &[]).await;
    }
    site
}

async fn attempt(browser: &Browser, name: &str, password: &str, address: &str) -> Answer {
    let body = json!({ "username": name, "password": password });
    let request = browser.request(Method::POST, "/api/session").header("x-forwarded-for", address);
    Answer::of(request.json(&body)).await
}

#[tokio::test]
async fn a_stranger_s_failures_do_not_keep_a_member_out_elsewhere() {
    let site = limited(3).await;
    let (stranger, alice) = (site.browser(), site.browser());
    for name in ["alice", "ALICE", "Alice"] {
        assert_eq!(attempt(&stranger, name, "wrong", "192.0.2.1").await.status, StatusCode::UNAUTHORIZED);
    }
    let refused = attempt(&stranger, "alice", PASSWORD, "192.0.2.1").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((241..=300).contains(&wait), "{wait}");
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "too_many_attempts");
    assert_eq!(error["message"], "too many attempts; try again in 5 minutes");
    assert_eq!(attempt(&alice, "alice", PASSWORD, "192.0.2.2").await.status, StatusCode::CREATED);
    site.stop().await;
}

#[tokio::test]
async fn a_network_is_limited_for_every_name_and_success_does_not_count() {
    let site = limited(3).await;
    let browser = site.browser();
    for _ in 0..5 {
        let fresh = site.browser();
        assert_eq!(attempt(&fresh, "alice", PASSWORD, "2001:db8::1").await.status, StatusCode::CREATED);
    }
    for name in ["alice", "nobody", "carol"] {
        assert_eq!(attempt(&browser, name, "wrong", "2001:db8::1").await.status, StatusCode::UNAUTHORIZED);
    }
    let refused = attempt(&browser, "bob", PASSWORD, "2001:db8::2").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(attempt(&browser, "bob", PASSWORD, "2001:db8:0:1::2").await.status, StatusCode::CREATED);
    site.stop().await;
}

#[tokio::test]
async fn a_browser_that_signed_in_before_is_not_locked_out_by_others() {
    let site = limited(2).await;
    let alice = site.browser();
    assert_eq!(attempt(&alice, "alice", PASSWORD, "192.0.2.1").await.status, StatusCode::CREATED);
    let stranger = site.browser();
    for n in 1..=100 {
        attempt(&stranger, "alice", "wrong", &format!("198.51.100.{n}")).await;
    }
    for name in ["bob", "carol"] {
        attempt(&stranger, name, "wrong", "192.0.2.1").await;
    }
    let unknown = attempt(&site.browser(), "alice", PASSWORD, "203.0.113.1").await;
    assert_eq!(unknown.status, StatusCode::TOO_MANY_REQUESTS, "a hundred failures from all networks");
    assert_eq!(attempt(&alice, "alice", PASSWORD, "192.0.2.1").await.status, StatusCode::CREATED);
    assert_eq!(
        attempt(&alice, "bob", PASSWORD, "192.0.2.1").await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "known for the name alone that it signed in with"
    );

    for _ in 0..2 {
        assert_eq!(attempt(&alice, "alice", "wrong", "192.0.2.9").await.status, StatusCode::UNAUTHORIZED);
    }
    let own = attempt(&alice, "alice", PASSWORD, "192.0.2.9").await;
    assert_eq!(own.status, StatusCode::TOO_MANY_REQUESTS, "it has a limit of its own");
    assert_eq!(attempt(&site.browser(), "bob", PASSWORD, "192.0.2.9").await.status, StatusCode::CREATED);
    site.stop().await;
}

#[tokio::test]
async fn a_known_browser_s_cookie_is_for_this_site_and_ends_with_the_password() {
    let site = limited(2).await;
    let alice = site.browser();
    let form = [("username", "alice"), ("password", PASSWORD)];
    let answer = alice.post_from("/sign-in", "/sign-in", &form).await;
    let cookies = answer.set_cookies();
    assert!(cookies[0].starts_with("session="), "the session's goes first: {cookies:?}");
    let cookie = cookies.iter().find(|it| it.starts_with("device=")).expect("a cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");

    let thief = site.browser();
    thief.set_cookie(cookie.split(';').next().expect("name and value"));
    assert!(!thief.is_signed_in().await, "it opens nothing");
    site.execute("update users set password_hash = (select password_hash from users where name = 'bob')")
        .await;
    for name in ["x1", "x2"] {
        attempt(&site.browser(), name, "wrong", "192.0.2.1").await;
    }
    let refused = attempt(&thief, "alice", PASSWORD, "192.0.2.1").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "the password is another one");
    site.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_name_is_nobody_and_counts_for_no_name() {
    let site = limited(3).await;
    let browser = site.browser();
    // İ becomes i and a combining dot in Rust, and i alone in Postgres.
    for (n, name) in ["al\u{130}ce", "a\n", "", &"x".repeat(10_000)].into_iter().enumerate() {
        let answer = attempt(&browser, name, PASSWORD, &format!("192.0.2.{n}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name:?}: {}", answer.body);
        assert_eq!(answer.json()["error"]["code"], "wrong_credentials");
    }
    for name in ["al\u{130}ce", "a", "a b"] {
        attempt(&browser, name, PASSWORD, "192.0.2.77").await;
    }
    let refused = attempt(&browser, "bob", PASSWORD, "192.0.2.77").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "the network counts them");
    assert_eq!(attempt(&browser, "a\0", PASSWORD, "192.0.2.79").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(attempt(&browser, "alice", PASSWORD, "192.0.2.78").await.status, StatusCode::CREATED);
    site.stop().await;
}

#[tokio::test]
async fn strangers_who_guess_keep_nobody_from_changing_the_password() {
    let site = limited(2).await;
    let alice = site.member("dora", &[]).await;
    let stranger = site.browser();
    for n in 1..=100 {
        attempt(&stranger, "dora", "wrong", &format!("198.51.100.{n}")).await;
    }
    let id = alice.get("/api/session").await.json()["user"]["id"].clone();
    let path = format!("/api/members/{id}/password");
    let change = async |present: &str| {
        let body = json!({ "password": present, "new_password": "new otter lantern" });
        alice.api(Method::PUT, &path, Some(body)).await.status
    };
    assert_eq!(change(PASSWORD).await, StatusCode::NO_CONTENT);
    for _ in 0..2 {
        assert_eq!(change("wrong").await, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(change("new otter lantern").await, StatusCode::TOO_MANY_REQUESTS, "the session's own limit");
    site.stop().await;
}

#[tokio::test]
async fn guesses_at_the_present_password_count_though_they_come_at_once() {
    let site = limited(2).await;
    let dora = site.member("dora", &[]).await;
    let id = dora.get("/api/session").await.json()["user"]["id"].clone();
    let path = format!("/api/members/{id}/password");
    let body = json!({ "password": "wrong", "new_password": "new otter lantern" });
    let answers = join_all((0..20).map(|_| dora.api(Method::PUT, &path, Some(body.clone())))).await;
    let verified = answers.iter().filter(|it| it.status == StatusCode::UNPROCESSABLE_ENTITY).count();
    // Two are verified at the same time.
    assert!((2..=3).contains(&verified), "{verified} of 20");
    site.stop().await;
}
