//! Members, their roles, their accounts.

use futures_util::future::join;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use webapi::id::UserId;

use crate::support::{Answer, Browser, PASSWORD, TestSite};

#[tokio::test]
async fn administrators_change_roles_by_page_and_by_api() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let id = site.add("bob", &["inviter"]).await;
    let (page, roles) = (format!("/members/{id}"), format!("/api/members/{id}/roles"));
    let chosen = [("role", "moderator"), ("role", "inviter")];
    let answer = root.post_from(&page, &format!("{page}/roles"), &chosen).await;
    assert_eq!(answer.location(), page);
    assert_eq!(root.get(&roles).await.json(), json!({ "roles": ["inviter", "moderator"] }));
    let wanted = json!({ "roles": ["moderator"] });
    assert_eq!(root.api(Method::PUT, &roles, Some(wanted.clone())).await.json(), wanted);
    site.stop().await;
}

#[tokio::test]
async fn roles_that_there_are_not_are_refused() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let unknown = root.api(Method::PUT, "/api/members/1/roles", Some(json!({ "roles": ["king"] }))).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.json()["error"]["fields"]["roles"].is_string());
    site.stop().await;
}

#[tokio::test]
async fn moderators_see_roles_and_do_not_change_them() {
    let site = TestSite::start().await;
    let moderator = site.member("mod", &["moderator"]).await;
    let id = site.add("bob", &["inviter"]).await;
    let seen = moderator.get(&format!("/members/{id}")).await.body;
    assert!(!seen.contains("Save the roles") && seen.contains("inviter"), "{seen}");
    assert_eq!(moderator.get("/members").await.status, StatusCode::OK);
    let wanted = Some(json!({ "roles": ["moderator"] }));
    let answer = moderator.api(Method::PUT, &format!("/api/members/{id}/roles"), wanted).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    site.stop().await;
}

#[tokio::test]
async fn members_neither_see_the_list_of_members_nor_change_roles() {
    let site = TestSite::start().await;
    let member = site.member("alice", &[]).await;
    assert_eq!(member.get("/members").await.status, StatusCode::FORBIDDEN);
    assert_eq!(member.get("/api/members").await.status, StatusCode::FORBIDDEN);
    let wanted = Some(json!({ "roles": ["moderator"] }));
    let answer = member.api(Method::PUT, "/api/members/1/roles", wanted).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    site.stop().await;
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let refused = root.api(Method::PUT, "/api/members/1/roles", Some(json!({ "roles": [] }))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.json()["error"]["code"], "last_administrator");
    assert_eq!(root.post_from("/members/1", "/members/1/roles", &[]).await.status, StatusCode::CONFLICT);
    site.stop().await;
}

#[tokio::test]
async fn a_disabled_administrator_is_none() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let other = site.add("other", &["administrator"]).await;
    site.execute("update users set disabled_at = now() where name = 'other'").await;
    let resign =
        async || root.api(Method::PUT, "/api/members/1/roles", Some(json!({ "roles": [] }))).await.status;
    assert_eq!(resign().await, StatusCode::CONFLICT);
    root.api(Method::PATCH, &format!("/api/members/{other}"), Some(json!({ "disabled": false }))).await;
    assert_eq!(resign().await, StatusCode::OK);
    site.stop().await;
}

#[tokio::test]
async fn two_administrators_who_demote_or_disable_each_other_at_once_leave_one() {
    let site = TestSite::start().await;
    for n in 0..8 {
        let (left, right) = (format!("left{n}"), format!("right{n}"));
        site.execute("delete from user_roles").await;
        let a = site.member(&left, &["administrator"]).await;
        let b = site.member(&right, &["administrator"]).await;
        let id = async |name: &str| -> i32 {
            site.value(&format!("select id from users where name = '{name}'")).await
        };
        let (to_a, to_b) =
            (format!("/api/members/{}", id(&left).await), format!("/api/members/{}", id(&right).await));
        let disable = a.api_request(Method::PATCH, &to_b, Some(json!({ "disabled": true }))).await;
        let roles = format!("{to_a}/roles");
        let demote = b.api_request(Method::PUT, &roles, Some(json!({ "roles": [] }))).await;
        join(Answer::of(disable), Answer::of(demote)).await;
        let left: i64 = site
            .value(
                "select count(*) from user_roles r join users u on u.id = r.user_id
                 where role = 'administrator' and disabled_at is null",
            )
            .await;
        assert_eq!(left, 1);
    }
    site.stop().await;
}

#[tokio::test]
async fn disabling_ends_sessions_tokens_and_invites_at_once() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &["inviter", "administrator"]).await;
    let token = alice.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await.json();
    let invite = alice.api(Method::POST, "/api/invites", None).await.json();
    let invite = site.path_of(invite["url"].as_str().expect("a URL"));
    assert_eq!(root.post_from("/members/2", "/members/2/disable", &[]).await.location(), "/members/2");
    assert_eq!(alice.get("/account").await.location(), "/sign-in?next=%2Faccount");
    let bearer = alice.request(Method::GET, "/api/session").bearer_auth(token["token"].as_str().expect("it"));
    assert_eq!(Answer::of(bearer).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.browser().get(&invite).await.status, StatusCode::GONE);
    site.stop().await;
}

#[tokio::test]
async fn a_disabled_member_signs_in_again_once_enabled() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &[]).await;
    root.post_from("/members/2", "/members/2/disable", &[]).await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    let refused = alice.post_from("/sign-in", "/sign-in", &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("This account is disabled"), "{}", refused.body);
    assert_eq!(root.post_from("/members/2", "/members/2/enable", &[]).await.location(), "/members/2");
    assert!(!alice.is_signed_in().await, "the old session does not come back");
    alice.sign_in("alice").await;
    site.stop().await;
}

#[tokio::test]
async fn a_session_that_outlives_a_disabling_opens_nothing() {
    let site = TestSite::start().await;
    let alice = site.member("alice", &[]).await;
    site.execute("update users set disabled_at = now()").await;
    assert!(!alice.is_signed_in().await);
    site.stop().await;
}

#[tokio::test]
async fn an_open_event_stream_ends_when_its_member_is_disabled_or_changes_the_password_elsewhere() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &[]).await;
    let id = alice.get("/api/session").await.json()["user"]["id"].clone();
    let open = async |browser: &Browser| {
        let stream = browser.request(Method::GET, "/api/live?torrents=1").send().await.expect("a stream");
        assert_eq!(stream.status(), StatusCode::OK);
        stream
    };
    let elsewhere = site.browser();
    elsewhere.sign_in("alice").await;
    let (first, mut second) = (open(&elsewhere).await, open(&alice).await);
    let body = json!({ "password": PASSWORD, "new_password": "another horse" });
    let changed = alice.api(Method::PUT, &format!("/api/members/{id}/password"), Some(body)).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    let end = std::time::Duration::from_mins(5);
    tokio::time::timeout(end, first.bytes()).await.expect("ended").expect("in order");
    let disabled =
        root.api(Method::PATCH, &format!("/api/members/{id}"), Some(json!({ "disabled": true }))).await;
    assert_eq!(disabled.status, StatusCode::OK);
    let rest = async { while second.chunk().await.expect("in order").is_some() {} };
    tokio::time::timeout(end, rest).await.expect("ended");
    site.stop().await;
}

#[tokio::test]
async fn nobody_disables_themself() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    site.add("other", &["administrator"]).await;
    let own = root.get("/api/session").await.json()["user"]["id"].clone();
    assert!(!root.get(&format!("/members/{own}")).await.body.contains("/disable"));
    let refused =
        root.api(Method::PATCH, &format!("/api/members/{own}"), Some(json!({ "disabled": true }))).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (StatusCode::CONFLICT, &json!("own_account"))
    );
    site.stop().await;
}

#[tokio::test]
async fn members_are_listed_by_name_searched_by_prefix_and_paged() {
    let site = TestSite::start().await;
    let staff = site.member("Root", &["moderator"]).await;
    for name in ["carol", "Alice", "bob", "al_2", "alx2"] {
        site.execute(&format!("insert into users (name, password_hash) values ('{name}', '')")).await;
    }
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items").iter();
        items.map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    };
    let first = staff.get("/api/members?limit=4").await.json();
    let next = first["next"].as_str().expect("a next page");
    let second = staff.get(&format!("/api/members?limit=4&after={next}")).await.json();
    let mut all = names(&first);
    all.extend(names(&second));
    all.sort_by_key(|it| it.to_lowercase());
    assert_eq!(all.len(), 6);
    assert_eq!((&first["total"], &second["next"]), (&json!(6), &json!(null)));
    assert_eq!(names(&staff.get("/api/members?search=AL").await.json()).len(), 3);
    assert_eq!(names(&staff.get("/api/members?search=al_").await.json()), ["al_2"], "no wildcards");
    let page = staff.get("/members?search=car").await.body;
    assert!(page.contains(">carol</bdi></a>") && !page.contains(">bob</bdi></a>"));
    site.stop().await;
}

#[tokio::test]
async fn a_member_s_resource_shows_themselves_the_announce_url() {
    let site = TestSite::start().await;
    let alice = site.member("alice", &[]).await;
    let own = alice.get("/api/members/1").await.json();
    let url = own["announce_url"].as_str().expect("a URL");
    assert!(url.starts_with("https://tracker.example.org/announce/") && url.ends_with("/announce"), "{url}");
    assert!(alice.get("/account/announce-url").await.body.contains(url));
    site.stop().await;
}

#[tokio::test]
async fn a_member_s_resource_shows_staff_no_secret_of_theirs() {
    let site = TestSite::start().await;
    site.add("alice", &[]).await;
    let moderator = site.member("bob", &["moderator"]).await;
    let seen = moderator.get("/api/members/1").await.json();
    assert_eq!(
        (&seen["name"], &seen["torrents"], &seen["disabled"]),
        (&json!("alice"), &json!(0), &json!(false))
    );
    assert!(seen.get("announce_url").is_none());
    for path in ["/api/members/1/announce-key", "/api/members/1/invites"] {
        assert_eq!(moderator.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    for path in ["/api/members/99", "/api/members/x"] {
        assert_eq!(moderator.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    site.stop().await;
}

/// The announce URL of the only member.
async fn announce_url(alice: &Browser) -> String {
    let shown = alice.get("/api/members/1/announce-key").await.json();
    shown["announce_url"].as_str().expect("a URL").to_owned()
}

#[tokio::test]
async fn resetting_the_announce_key_makes_another_url_after_asking() {
    let site = TestSite::start().await;
    let alice = site.member("alice", &[]).await;
    let before = announce_url(&alice).await;
    let reset = "/account/announce-url/reset";
    assert_eq!(alice.get(reset).await.status, StatusCode::OK);
    assert_eq!(announce_url(&alice).await, before, "asking changes nothing");
    assert_eq!(alice.post_from(reset, reset, &[]).await.location(), "/account/announce-url");
    let after = announce_url(&alice).await;
    assert_ne!(after, before);
    let again = alice.api(Method::POST, "/api/members/1/announce-key", None).await.json();
    assert!(again["announce_url"] != after && again["announce_url"] != before, "{again}");
    site.stop().await;
}

#[tokio::test]
async fn the_announce_url_after_a_reset_is_that_of_the_next_version() {
    let site = TestSite::start().await;
    let alice = site.member("alice", &[]).await;
    let reset = alice.api(Method::POST, "/api/members/1/announce-key", None).await.json();
    let url = reset["announce_url"].as_str().expect("a URL");
    let text = url.rsplit('/').nth(1).expect("a key");
    let token = bt::token::Token::parse(text.as_bytes()).expect("a token");
    let client = site.app.connection().await.expect("a connection");
    let account = webapi::db::member::user::find_enabled(&client, UserId(1)).await;
    drop(client);
    let key = account.expect("a row").expect("alice").key;
    assert_eq!((key.version, key.nonce.as_bytes().len()), (1, 16));
    assert!(bt::announce_key::verify(&token, &site.app.keys.announce, &key, None));
    site.stop().await;
}

#[tokio::test]
async fn the_former_paths_of_members_keep_answering() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    for below in ["", "/1", "/1/roles", "/1/announce-key", "/1/transfers", "/2147483647"] {
        let today = root.get(&format!("/api/members{below}")).await;
        let former = root.get(&format!("/api/users{below}")).await;
        assert_eq!((former.status, former.body), (today.status, today.body), "{below}");
    }
    let change = json!({ "roles": ["administrator", "inviter"] });
    let changed = root.api(Method::PUT, "/api/users/1/roles", Some(change.clone())).await;
    assert_eq!((changed.status, changed.json()), (StatusCode::OK, change));
    site.stop().await;
}
