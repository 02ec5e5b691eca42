//! Invites, from the link to the new member.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestSite};

async fn invite(site: &TestSite, name: &str) -> String {
    let browser = site.member(name, &["inviter"]).await;
    let invite = browser.api(Method::POST, "/api/invites", None).await.json();
    site.path_of(invite["url"].as_str().expect("a URL"))
}

async fn state(site: &TestSite, path: &str) -> Value {
    site.browser().get(&format!("/api{path}")).await.json()["state"].clone()
}

#[tokio::test]
async fn the_page_of_invites_makes_links_and_shows_them_to_their_maker() {
    let site = TestSite::start().await;
    let host = site.member("alice", &["inviter"]).await;
    assert_eq!(host.post_from("/invites", "/invites", &[]).await.location(), "/invites");
    let list = host.get("/invites").await;
    let link = list.body.split("value=\"").find(|it| it.starts_with(&format!("{}/invites/", site.url)));
    let path = site.path_of(link.expect("the link").split('"').next().expect("its end"));
    assert_eq!(path.len(), "/invites/".len() + 40);
    assert_eq!(state(&site, &path).await, "open");
    site.stop().await;
}

#[tokio::test]
async fn a_friend_claims_a_link_and_is_signed_in() {
    let site = TestSite::start().await;
    let path = invite(&site, "alice").await;
    let friend = site.browser();
    let answer = friend.post_from(&path, &path, &[("username", "bob"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"), "{}", answer.body);
    assert!(friend.get("/account").await.body.contains("Welcome, bob"));
    assert!(!friend.get("/account").await.body.contains("Welcome, bob"), "shown once");
    assert_eq!(state(&site, &path).await, "claimed");
    assert_eq!(friend.get("/invites").await.status, StatusCode::FORBIDDEN, "bob may not invite");
    site.stop().await;
}

#[tokio::test]
async fn of_64_claims_at_the_same_moment_one_makes_an_account() {
    let site = TestSite::start().await;
    let path = invite(&site, "alice").await;
    let claims = (0..64).map(|n| {
        let body = json!({ "username": format!("friend{n}"), "password": PASSWORD });
        let request = site.browser().request(Method::POST, &format!("/api{path}")).json(&body);
        async move { Answer::of(request).await.status }
    });
    let statuses = join_all(claims).await;
    assert_eq!(statuses.iter().filter(|it| **it == StatusCode::CREATED).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|it| **it == StatusCode::GONE).count(), 63, "{statuses:?}");
    assert_eq!(site.value::<i64>("select count(*) from users where name like 'friend%'").await, 1);
    let consistent =
        "select (select claimed_by from invites) = (select id from users where name like 'friend%')";
    assert!(site.value::<bool>(consistent).await);
    site.stop().await;
}

#[tokio::test]
async fn a_wrong_form_keeps_the_name_and_the_invite() {
    let site = TestSite::start().await;
    let path = invite(&site, "alice").await;
    let browser = site.browser();
    for (name, password, problem) in [
        ("x", PASSWORD, "use 2 to 32 letters"),
        ("b ob", PASSWORD, "use 2 to 32 letters"),
        ("bob", "short", "at least 8 characters"),
        ("ALICE", PASSWORD, "this name is taken"),
    ] {
        let answer = browser.post_from(&path, &path, &[("username", name), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.body.contains(problem), "{name}: {}", answer.body);
        assert_eq!(answer.field("username"), name);
        assert!(answer.body.contains("aria-invalid=\"true\""));
        assert!(!answer.body.contains(&format!("value=\"{password}\"")), "passwords are not sent back");
    }
    let api = Answer::of(
        browser
            .request(Method::POST, &format!("/api{path}"))
            .json(&json!({ "username": "?", "password": "?" })),
    );
    let fields = api.await.json()["error"]["fields"].clone();
    assert!(fields["username"].is_string() && fields["password"].is_string(), "{fields}");
    assert_eq!(state(&site, &path).await, "open");
    site.stop().await;
}

#[tokio::test]
async fn used_expired_and_revoked_links_say_so() {
    let site = TestSite::start().await;
    let path = invite(&site, "alice").await;
    for (change, state_word, words) in [
        ("claimed_at = now()", "claimed", "This invite has been used"),
        ("claimed_at = null, revoked_at = now()", "revoked", "This invite was taken back"),
        ("revoked_at = null, expires_at = now()", "expired", "This invite has expired"),
    ] {
        site.execute(&format!("update invites set {change}")).await;
        assert_eq!(state(&site, &path).await, state_word);
        let page = site.browser().get(&path).await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.body.contains(words), "{}", page.body);
        let body = json!({ "username": "bob", "password": PASSWORD });
        let claim =
            Answer::of(site.browser().request(Method::POST, &format!("/api{path}")).json(&body)).await;
        assert_eq!((claim.status, claim.json()["error"]["code"].clone()), (StatusCode::GONE, json!("gone")));
    }
    assert_eq!(site.value::<i64>("select count(*) from users").await, 1);
    site.stop().await;
}

#[tokio::test]
async fn forged_links_are_not_found_and_guessing_is_limited() {
    let site = TestSite::start_with(|config| config["webapi"]["signInAttempts"] = 2.into()).await;
    let path = invite(&site, "alice").await;
    let forged = format!("{}{}", &path[..path.len() - 1], if path.ends_with('a') { 'b' } else { 'a' });
    assert_eq!(site.browser().get(&forged).await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.browser().get("/invites/x").await.status, StatusCode::NOT_FOUND);
    let claim = async |path: &str, name: &str| {
        let body = json!({ "username": name, "password": PASSWORD });
        Answer::of(site.browser().request(Method::POST, &format!("/api{path}")).json(&body)).await.status
    };
    assert_eq!(claim(&forged, "a1").await, StatusCode::NOT_FOUND);
    assert_eq!(claim(&forged, "a2").await, StatusCode::NOT_FOUND);
    assert_eq!(claim(&forged, "a3").await, StatusCode::TOO_MANY_REQUESTS);
    site.stop().await;
}

#[tokio::test]
async fn only_the_maker_or_an_administrator_revokes_and_claimed_ones_stay() {
    let site = TestSite::start().await;
    let path = invite(&site, "alice").await;
    let api = format!("/api{path}");
    let (other, administrator) =
        (site.member("bob", &["inviter"]).await, site.member("root", &["administrator"]).await);
    assert_eq!(other.api(Method::DELETE, &api, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(administrator.api(Method::DELETE, &api, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(state(&site, &path).await, "revoked");

    let used = invite(&site, "carol").await;
    site.browser().post_from(&used, &used, &[("username", "dave"), ("password", PASSWORD)]).await;
    let refused = administrator.api(Method::DELETE, &format!("/api{used}"), None).await;
    assert_eq!(refused.json()["error"]["code"], "invite_claimed");
    site.stop().await;
}

#[tokio::test]
async fn a_list_is_paged_by_cursor() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["inviter"]).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(browser.api(Method::POST, "/api/invites", None).await.json()["url"].clone());
    }
    let (mut found, mut path) = (Vec::new(), "/api/invites?limit=2".to_owned());
    loop {
        let list = browser.get(&path).await.json();
        assert_eq!(list["total"], 5);
        found.extend(list["items"].as_array().expect("items").iter().map(|it| it["url"].clone()));
        let Some(next) = list["next"].as_str() else { break };
        path = format!("/api/invites?limit=2&after={next}");
    }
    made.reverse();
    assert_eq!(found, made);
    for wrong in ["limit=0", "limit=101", "limit=x", "after=x"] {
        let answer = browser.get(&format!("/api/invites?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(answer.json()["error"]["code"], "bad_request");
    }
    site.stop().await;
}

#[tokio::test]
async fn links_of_another_salt_are_not_found() {
    let site = TestSite::start().await;
    let path = invite(&site, "alice").await;
    let key =
        infra::secrets::Keys::derive(&"another salt, which is as long as the first".to_owned().into()).invite;
    let nonce: Vec<u8> = site.value("select nonce from invites").await;
    let id: i32 = site.value("select id from invites").await;
    let forged = bt::token::Token::new(&key, id.unsigned_abs(), &[&nonce]);
    assert_eq!(site.browser().get(&format!("/api/invites/{forged}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(state(&site, &path).await, "open");
    site.stop().await;
}

#[tokio::test]
async fn a_member_has_so_many_open_invites_at_most_however_many_are_asked_for_at_once() {
    let site = TestSite::start_with(|config| config["webapi"]["openInvites"] = 3.into()).await;
    let browser = site.member("alice", &["inviter"]).await;
    let mut asked = Vec::new();
    for _ in 0..8 {
        asked.push(Answer::of(browser.api_request(Method::POST, "/api/invites", None).await));
    }
    let answers = join_all(asked).await;
    let made: Vec<_> = answers.iter().filter(|it| it.status == StatusCode::CREATED).collect();
    let refused: Vec<_> = answers.iter().filter(|it| it.status == StatusCode::CONFLICT).collect();
    assert_eq!((made.len(), refused.len()), (3, 5));
    assert_eq!(refused[0].json()["error"]["code"], "too_many_invites");
    let page = browser.post_from("/invites", "/invites", &[("note", "for Eve")]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.body.contains("You have 3 open invites") && page.body.contains("for Eve"), "{}", page.body);
    // One that is revoked makes room again.
    let path = made[0].location();
    assert_eq!(browser.api(Method::DELETE, path, None).await.status, StatusCode::NO_CONTENT);
    let again = browser.api(Method::POST, "/api/invites", None).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.body);
    site.stop().await;
}

#[tokio::test]
async fn an_invite_has_a_note_that_only_its_maker_sees() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["inviter"]).await;
    let made = browser.api(Method::POST, "/api/invites", Some(json!({ "note": " Eve <eve@b> " }))).await;
    assert_eq!(made.json()["note"], "Eve <eve@b>");
    assert!(browser.get("/invites").await.body.contains("Eve &#60;eve@b&#62;"));
    assert_eq!(browser.get("/api/invites").await.json()["items"][0]["note"], "Eve <eve@b>");
    let stranger = site.browser();
    assert_eq!(stranger.get(made.location()).await.json()["note"], json!(null));
    let page = made.location().strip_prefix("/api").expect("below the API");
    assert!(!stranger.get(page).await.body.contains("Eve"));
    for note in ["x".repeat(101), "two\nlines".to_owned()] {
        let answer = browser.api(Method::POST, "/api/invites", Some(json!({ "note": note }))).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let answer = browser.post_from("/invites", "/invites", &[("note", &note)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(site.value::<i64>("select count(*) from invites").await, 1);
    site.stop().await;
}

#[tokio::test]
async fn who_may_not_invite_any_more_has_no_open_invite_and_sees_no_link() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let browser = site.member("alice", &["inviter"]).await;
    let url = browser.api(Method::POST, "/api/invites", None).await.json()["url"].clone();
    let path = site.path_of(url.as_str().expect("a URL"));
    let id: i32 = site.value("select id from users where name = 'alice'").await;
    let roles = format!("/api/members/{id}/roles");
    // Still an inviter, in one way or the other.
    for kept in [json!(["inviter", "moderator"]), json!(["administrator"])] {
        let answer = root.api(Method::PUT, &roles, Some(json!({ "roles": kept }))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(state(&site, &path).await, "open");
    }
    let answer = root.api(Method::PUT, &roles, Some(json!({ "roles": ["moderator"] }))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(state(&site, &path).await, "revoked");
    // This leaves an invite open again.
    site.execute("update invites set revoked_at = null").await;
    let list = browser.get("/api/invites").await;
    assert_eq!((list.status, list.json()["items"][0]["url"].clone()), (StatusCode::OK, json!(null)));
    assert!(!list.body.contains("/invites/"), "{}", list.body);
    site.stop().await;
}

#[tokio::test]
async fn invites_that_ended_long_ago_are_swept() {
    let site = TestSite::start().await;
    site.add("alice", &["inviter"]).await;
    site.execute(
        "insert into invites (nonce, created_by, created_at, expires_at, claimed_at, revoked_at)
         select decode(repeat('ab', 16), 'hex'), 1, now() - days, expiry, claimed, revoked
         from (values
             (interval '100 days', now() - interval '91 days', null, null),
             (interval '100 days', now() + interval '1 day', now() - interval '91 days', null),
             (interval '100 days', now() + interval '1 day', null, now() - interval '91 days'),
             (interval '100 days', now() - interval '89 days', null, null),
             (interval '1 day', now() + interval '6 days', null, null)
         ) as it (days, expiry, claimed, revoked)",
    )
    .await;
    let client = site.app.connection().await.expect("a connection");
    webapi::db::member::invite::sweep(&client, 90).await.expect("swept");
    drop(client);
    assert_eq!(site.value::<i64>("select count(*) from invites").await, 2);
    site.stop().await;
}
