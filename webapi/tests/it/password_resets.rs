//! Links that set a new password, for members who forgot theirs.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Browser, PASSWORD, TestSite};

/// The new password in all tests.
pub(crate) const NEW: &str = "new otter lantern";

async fn id(site: &TestSite, name: &str) -> i32 {
    site.value(&format!("select id from users where name = '{name}'")).await
}

/// The path of a link to the password of `name`, made by `staff`.
async fn link(site: &TestSite, staff: &Browser, name: &str) -> String {
    let path = format!("/api/members/{}/password-resets", id(site, name).await);
    let made = staff.api(Method::POST, &path, None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    site.path_of(made.json()["url"].as_str().expect("a URL"))
}

fn api(path: &str) -> String {
    path.replace("/reset/", "/api/password-resets/")
}

async fn apply(site: &TestSite, path: &str, password: &str) -> Answer {
    let body = json!({ "password": password });
    Answer::of(site.browser().request(Method::POST, &api(path)).json(&body)).await
}

async fn state(site: &TestSite, path: &str) -> serde_json::Value {
    site.browser().get(&api(path)).await.json()["state"].clone()
}

pub(crate) async fn sign_in(site: &TestSite, name: &str, password: &str) -> (Browser, Answer) {
    let browser = site.browser();
    let form = [("username", name), ("password", password)];
    let answer = browser.post_from("/sign-in", "/sign-in", &form).await;
    (browser, answer)
}

#[tokio::test]
async fn the_page_that_asks_makes_no_link_and_its_form_one() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &[]).await;
    let ask = "/members/2/reset-password";
    assert!(root.get("/members/2").await.body.contains(&format!("href=\"{ask}\"")));
    assert_eq!(root.get(ask).await.status, StatusCode::OK);
    assert_eq!(site.value::<i64>("select count(*) from password_resets").await, 0, "asking makes nothing");
    let made = root.post_from(ask, ask, &[]).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::OK, "no-store"), "{}", made.body);
    let url = made.body.split("value=\"").find(|it| it.starts_with(&format!("{}/reset/", site.url)));
    let path = site.path_of(url.expect("the link").split('"').next().expect("its end"));
    assert_eq!(path.len(), "/reset/".len() + 40);
    assert!(alice.is_signed_in().await, "nothing has changed yet");
    site.stop().await;
}

#[tokio::test]
async fn the_form_of_a_link_refuses_passwords_that_differ_or_are_weak() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    let friend = site.browser();
    let shown = friend.get(&path).await;
    assert_eq!((shown.header("referrer-policy"), shown.header("cache-control")), ("no-referrer", "no-store"));
    for (new, again, words) in
        [(NEW, "other", "the two new passwords differ"), ("alice1999", "alice1999", "this is your name")]
    {
        let form = [("new_password", new), ("new_password_again", again)];
        let refused = friend.post_from(&path, &path, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(words) && refused.body.contains("aria-invalid"), "{}", refused.body);
    }
    assert_eq!(state(&site, &path).await, "open");
    site.stop().await;
}

#[tokio::test]
async fn the_form_of_a_link_sets_the_password_once() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    let friend = site.browser();
    let form = [("new_password", NEW), ("new_password_again", NEW)];
    let done = friend.post_from(&path, &path, &form).await;
    assert_eq!(done.location(), "/sign-in?password_set=", "{}", done.body);
    assert_eq!(sign_in(&site, "alice", PASSWORD).await.1.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sign_in(&site, "alice", NEW).await.1.status, StatusCode::SEE_OTHER);
    let again = friend.get(&path).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert!(again.body.contains("This link has been used"), "{}", again.body);
    site.stop().await;
}

#[tokio::test]
async fn a_reset_ends_all_sessions_and_no_token() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &[]).await;
    let token = alice.api(Method::POST, "/api/tokens", Some(json!({ "name": "script" }))).await.json();
    let path = link(&site, &root, "alice").await;
    assert_eq!(apply(&site, &path, NEW).await.status, StatusCode::NO_CONTENT);
    assert!(!alice.is_signed_in().await);
    let script = site.browser().request(Method::GET, "/api/session");
    let script = script.bearer_auth(token["token"].as_str().expect("a token"));
    assert_eq!(Answer::of(script).await.status, StatusCode::OK, "tokens stay");
    site.stop().await;
}

/// Stands in the notice of a reset.
const NOTICE: &str = "with a link made by root";

/// A site where the password of alice was reset with a link of root.
pub(crate) async fn reset() -> TestSite {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    assert_eq!(apply(&site, &path, NEW).await.status, StatusCode::NO_CONTENT);
    site
}

#[tokio::test]
async fn the_member_is_told_of_a_reset_on_every_page_and_at_every_sign_in() {
    let site = reset().await;
    let (first, _) = sign_in(&site, "alice", NEW).await;
    for page in ["/", "/account", "/"] {
        assert!(first.get(page).await.body.contains(NOTICE), "{page}");
    }
    let (second, _) = sign_in(&site, "alice", NEW).await;
    assert!(second.get("/").await.body.contains(NOTICE), "a sign-in does not use it up");
    assert_eq!(second.get("/api/session").await.json()["password_reset"]["by"], "root");
    site.stop().await;
}

#[tokio::test]
async fn a_notice_of_a_reset_that_is_dismissed_does_not_come_back() {
    let site = reset().await;
    let (first, _) = sign_in(&site, "alice", NEW).await;
    let (second, _) = sign_in(&site, "alice", NEW).await;
    let dismissed = first.post_from("/", "/account/password-reset/dismiss", &[]).await;
    assert_eq!(dismissed.location(), "/account/security");
    assert!(!first.get("/").await.body.contains(NOTICE));
    assert!(first.get("/api/session").await.json().get("password_reset").is_none());
    let (third, _) = sign_in(&site, "alice", NEW).await;
    assert!(!third.get("/").await.body.contains(NOTICE), "not again");
    let by_api = second.api(Method::DELETE, "/api/session/password-reset", None).await;
    assert_eq!(by_api.status, StatusCode::NO_CONTENT);
    assert!(!second.get("/").await.body.contains(NOTICE));
    site.stop().await;
}

#[tokio::test]
async fn nobody_resets_the_password_of_one_with_more_rights_or_their_own() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let moderator = site.member("mod", &["moderator"]).await;
    let member = site.member("alice", &[]).await;
    site.add("host", &["inviter"]).await;
    for (by, whom, status) in [
        (&root, "root", StatusCode::CONFLICT),
        (&root, "mod", StatusCode::CREATED),
        (&moderator, "root", StatusCode::FORBIDDEN),
        (&moderator, "host", StatusCode::FORBIDDEN),
        (&moderator, "alice", StatusCode::CREATED),
        (&member, "host", StatusCode::FORBIDDEN),
        (&member, "alice", StatusCode::FORBIDDEN),
    ] {
        let id = id(&site, whom).await;
        let made = by.api(Method::POST, &format!("/api/members/{id}/password-resets"), None).await;
        assert_eq!(made.status, status, "{whom}: {}", made.body);
        let shown = by.get(&format!("/members/{id}")).await.body;
        assert_eq!(shown.contains("/reset-password"), status == StatusCode::CREATED, "{whom}");
        let page = by.get(&format!("/members/{id}/reset-password")).await.status;
        assert_eq!(page, if status == StatusCode::CREATED { StatusCode::OK } else { status }, "{whom}");
    }
    let token = root.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await.json();
    let path = format!("/api/members/{}/password-resets", id(&site, "alice").await);
    let request = site.browser().request(Method::POST, &path);
    let answer = Answer::of(request.bearer_auth(token["token"].as_str().expect("a token"))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "a leaked token opens no account");
    site.stop().await;
}

#[tokio::test]
async fn an_older_link_ends_with_a_newer_one() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let first = link(&site, &root, "alice").await;
    let second = link(&site, &root, "alice").await;
    assert_eq!((state(&site, &first).await, state(&site, &second).await), (json!("revoked"), json!("open")));
    assert_eq!(apply(&site, &first, NEW).await.status, StatusCode::GONE);
    site.stop().await;
}

#[tokio::test]
async fn of_links_made_at_the_same_moment_one_stays_open() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let links = join_all((0..8).map(|_| link(&site, &root, "alice"))).await;
    let states = join_all(links.iter().map(|it| state(&site, it))).await;
    assert_eq!(states.iter().filter(|it| **it == json!("open")).count(), 1, "{states:?}");
    site.stop().await;
}

#[tokio::test]
async fn a_link_ends_with_the_right_of_its_maker() {
    let site = TestSite::start().await;
    let moderator = site.member("mod", &["moderator"]).await;
    let alice = site.add("alice", &[]).await;
    let path = link(&site, &moderator, "alice").await;
    site.execute(&format!("insert into user_roles values ({alice}, 'inviter')")).await;
    assert_eq!(state(&site, &path).await, "revoked", "alice may do more than the maker now");
    assert_eq!(apply(&site, &path, NEW).await.status, StatusCode::GONE);
    site.execute(&format!("delete from user_roles where user_id = {alice}")).await;
    assert_eq!(state(&site, &path).await, "open");
    site.execute("update users set disabled_at = now() where name = 'mod'").await;
    assert_eq!(state(&site, &path).await, "revoked", "the maker is disabled");
    site.stop().await;
}

#[tokio::test]
async fn a_link_ends_when_the_member_changes_the_password() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    let body = json!({ "password": PASSWORD, "new_password": NEW });
    let changed = alice.api(Method::PUT, "/api/members/2/password", Some(body)).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(state(&site, &path).await, "revoked");
    site.stop().await;
}

#[tokio::test]
async fn a_link_expires_after_a_day() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    let day = "select expires_at between now() + interval '23 hours' and now() + interval '24 hours' from password_resets";
    assert!(site.value::<bool>(day).await);
    site.execute("update password_resets set expires_at = now()").await;
    assert_eq!(state(&site, &path).await, "expired");
    let page = site.browser().get(&path).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(page.body.contains("This link has expired"), "{}", page.body);
    assert_eq!(apply(&site, &path, NEW).await.status, StatusCode::GONE);
    site.stop().await;
}

#[tokio::test]
async fn of_many_uses_at_the_same_moment_one_sets_the_password() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    let passwords: Vec<String> = (0..8).map(|n| format!("otter lantern {n} meadow")).collect();
    let answers = join_all(passwords.iter().map(|it| apply(&site, &path, it))).await;
    let statuses: Vec<StatusCode> = answers.iter().map(|it| it.status).collect();
    assert_eq!(statuses.iter().filter(|it| **it == StatusCode::NO_CONTENT).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|it| **it == StatusCode::GONE).count(), 7, "{statuses:?}");
    let won = statuses.iter().position(|it| *it == StatusCode::NO_CONTENT).expect("one");
    assert_eq!(sign_in(&site, "alice", &passwords[won]).await.1.status, StatusCode::SEE_OTHER);
    site.stop().await;
}

#[tokio::test]
async fn forged_reset_links_are_not_found_and_guessing_is_limited_by_network() {
    let site = TestSite::start_with(|config| {
        config["webapi"]["signInAttempts"] = 2.into();
        config["trustedProxies"] = json!(["127.0.0.1/32"]);
    })
    .await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    let forged = format!("{}{}", &path[..path.len() - 1], if path.ends_with('a') { 'b' } else { 'a' });
    for missing in [&forged, "/reset/x", "/reset/%00", "/reset/%FF"] {
        assert_eq!(site.browser().get(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
    let guess = async |path: &str, address: &str| {
        let request = site.browser().request(Method::POST, &api(path)).header("x-forwarded-for", address);
        Answer::of(request.json(&json!({ "password": NEW }))).await.status
    };
    assert_eq!(guess(&forged, "192.0.2.1").await, StatusCode::NOT_FOUND);
    assert_eq!(guess(&forged, "192.0.2.1").await, StatusCode::NOT_FOUND);
    assert_eq!(guess(&path, "192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(guess(&path, "192.0.2.2").await, StatusCode::NO_CONTENT, "elsewhere it works");
    // The key of an invite opens no reset, nor the other way round.
    assert_ne!(site.app.keys.invite, site.app.keys.password_reset);
    site.stop().await;
}

#[tokio::test]
async fn a_disabled_account_stays_disabled_after_a_reset() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let path = link(&site, &root, "alice").await;
    site.execute("update users set disabled_at = now() where name = 'alice'").await;
    assert_eq!(apply(&site, &path, NEW).await.status, StatusCode::NO_CONTENT);
    let (_, refused) = sign_in(&site, "alice", NEW).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("This account is disabled"), "{}", refused.body);
    site.stop().await;
}

#[tokio::test]
async fn what_nobody_used_is_swept_and_what_was_used_is_kept() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("alice", &[]).await;
    let used = link(&site, &root, "alice").await;
    assert_eq!(apply(&site, &used, NEW).await.status, StatusCode::NO_CONTENT);
    link(&site, &root, "alice").await;
    let client = site.app.connection().await.expect("a connection");
    site.execute("update password_resets set expires_at = now() - interval '29 days'").await;
    webapi::db::member::password_reset::sweep(&client).await.expect("swept");
    assert_eq!(site.value::<i64>("select count(*) from password_resets").await, 2);
    site.execute("update password_resets set expires_at = now() - interval '31 days'").await;
    webapi::db::member::password_reset::sweep(&client).await.expect("swept");
    assert!(
        site.value::<bool>("select count(*) = 1 and bool_and(used_at is not null) from password_resets")
            .await
    );
    drop(client);
    site.stop().await;
}
