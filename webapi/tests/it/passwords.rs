//! Which passwords are refused, wherever one is chosen.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, PASSWORD, TestSite};

const WEAK: [(&str, &str); 4] = [
    ("password", "one of the passwords that are tried first"),
    ("Barnaby1999", "this is your name"),
    ("nerwyriaf", "the name of the site"),
    ("Tr0ub4dour&3", "easy to guess"),
];

#[tokio::test]
async fn a_weak_password_is_refused_where_an_account_is_made() {
    let site = TestSite::start().await;
    let host = site.member("alice", &["inviter"]).await;
    let invite = host.api(Method::POST, "/api/invites", None).await.json();
    let path = invite["url"].as_str().expect("a URL").strip_prefix(&site.url).expect("ours").to_owned();
    let browser = site.browser();
    for (password, words) in WEAK {
        let body = json!({ "username": "barnaby", "password": password });
        let api = Answer::of(browser.request(Method::POST, &format!("/api{path}")).json(&body)).await;
        assert_eq!(api.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}: {}", api.body);
        let sentence = api.json()["error"]["fields"]["password"].as_str().expect("a sentence").to_owned();
        assert!(sentence.contains(words), "{password}: {sentence}");
        let form = [("username", "barnaby"), ("password", password)];
        let page = browser.post_from(&path, &path, &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.body.contains(&sentence), "{}", page.body);
    }
    assert_eq!(site.value::<i64>("select count(*) from users").await, 1);
    site.stop().await;
}

#[tokio::test]
async fn a_weak_password_is_refused_as_a_new_one_and_an_old_one_goes_on() {
    let site = TestSite::start().await;
    let member = site.member("barnaby", &[]).await;
    let id = member.get("/api/session").await.json()["user"]["id"].clone();
    let path = format!("/api/members/{id}/password");
    for (password, words) in WEAK {
        let body = json!({ "password": PASSWORD, "new_password": password });
        let answer = member.api(Method::PUT, &path, Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}: {}", answer.body);
        let problem = answer.json()["error"]["fields"]["new_password"].clone();
        assert!(problem.as_str().is_some_and(|it| it.contains(words)), "{password}: {problem}");
    }
    // As it was chosen before there was this rule.
    let permit = site.app.passwords.permit().await.expect("a permit");
    let hash = site.app.passwords.hash(permit, "password".to_owned().into()).await.expect("a hash");
    site.execute(&format!("update users set password_hash = '{hash}'")).await;
    let body = json!({ "username": "barnaby", "password": "password" });
    let signed_in = Answer::of(site.browser().request(Method::POST, "/api/session").json(&body)).await;
    assert_eq!(signed_in.status, StatusCode::CREATED, "{}", signed_in.body);
    site.stop().await;
}
