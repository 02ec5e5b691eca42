//! Members, their roles, their accounts.

use futures_util::future::join;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use webapi::id::UserId;

use crate::support::{Answer, PASSWORD, Site};

#[tokio::test]
async fn administrators_change_roles_and_others_do_not() {
    let site = Site::start().await;
    let administrator = site.member("root", &["administrator"]).await;
    let moderator = site.member("mod", &["moderator"]).await;
    let member = site.member("alice", &[]).await;
    let id = site.add("bob", &["inviter"]).await;
    let page = format!("/members/{id}");
    assert!(administrator.get(&page).await.body.contains("Save the roles"));
    let seen = moderator.get(&page).await.body;
    assert!(
        !seen.contains("Save the roles") && seen.contains("inviter"),
        "moderators see, but do not change"
    );
    assert_eq!(moderator.get("/members").await.status, StatusCode::OK);
    assert_eq!(member.get("/members").await.status, StatusCode::FORBIDDEN);
    assert_eq!(member.get("/api/members").await.status, StatusCode::FORBIDDEN);
    let roles = format!("/api/members/{id}/roles");
    let wanted = Some(json!({ "roles": ["moderator"] }));
    for other in [&moderator, &member] {
        assert_eq!(other.api(Method::PUT, &roles, wanted.clone()).await.status, StatusCode::FORBIDDEN);
    }
    let answer = administrator
        .post_from(&page, &format!("{page}/roles"), &[("role", "moderator"), ("role", "inviter")])
        .await;
    assert_eq!(answer.location(), page);
    assert_eq!(administrator.get(&roles).await.json(), json!({ "roles": ["inviter", "moderator"] }));
    assert_eq!(
        administrator.api(Method::PUT, &roles, wanted).await.json(),
        json!({ "roles": ["moderator"] })
    );
    let unknown = administrator.api(Method::PUT, &roles, Some(json!({ "roles": ["king"] }))).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.json()["error"]["fields"]["roles"].is_string());
    site.stop().await;
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let site = Site::start().await;
    let root = site.member("root", &["administrator"]).await;
    let own = root.get("/api/session").await.json()["user"]["id"].clone();
    let refused =
        root.api(Method::PUT, &format!("/api/members/{own}/roles"), Some(json!({ "roles": [] }))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.json()["error"]["code"], "last_administrator");
    let page = root.post_from(&format!("/members/{own}"), &format!("/members/{own}/roles"), &[]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.body.contains("This is the last administrator"), "{}", page.body);
    let other = site.add("other", &["administrator"]).await;
    site.execute("update users set disabled_at = now() where name = 'other'").await;
    let refused =
        root.api(Method::PUT, &format!("/api/members/{own}/roles"), Some(json!({ "roles": [] }))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "a disabled administrator is none");
    root.api(Method::PATCH, &format!("/api/members/{other}"), Some(json!({ "disabled": false }))).await;
    let allowed =
        root.api(Method::PUT, &format!("/api/members/{own}/roles"), Some(json!({ "roles": [] }))).await;
    assert_eq!(allowed.status, StatusCode::OK);
    site.stop().await;
}

#[tokio::test]
async fn two_administrators_who_demote_or_disable_each_other_at_once_leave_one() {
    let site = Site::start().await;
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
    let site = Site::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &["inviter", "administrator"]).await;
    let id = alice.get("/api/session").await.json()["user"]["id"].clone();
    let token = alice.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await.json();
    let invite = alice.api(Method::POST, "/api/invites", None).await.json();
    let invite = site.path_of(invite["url"].as_str().expect("a URL"));

    let page = format!("/members/{id}");
    assert_eq!(root.post_from(&page, &format!("{page}/disable"), &[]).await.location(), page);
    assert_eq!(alice.get("/account").await.location(), "/sign-in?next=%2Faccount");
    let bearer = alice.request(Method::GET, "/api/session").bearer_auth(token["token"].as_str().expect("it"));
    assert_eq!(Answer::of(bearer).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.browser().get(&invite).await.status, StatusCode::GONE);
    let again =
        alice.post_from("/sign-in", "/sign-in", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.body.contains("This account is disabled"), "{}", again.body);

    assert_eq!(root.post_from(&page, &format!("{page}/enable"), &[]).await.location(), page);
    assert!(!alice.is_signed_in().await, "the old session does not come back");
    alice.sign_in("alice").await;
    site.stop().await;
}

#[tokio::test]
async fn a_session_that_outlives_a_disabling_opens_nothing() {
    let site = Site::start().await;
    let alice = site.member("alice", &[]).await;
    site.execute("update users set disabled_at = now()").await;
    assert!(!alice.is_signed_in().await);
    site.stop().await;
}

#[tokio::test]
async fn an_open_event_stream_ends_when_its_member_is_disabled_or_changes_the_password_elsewhere() {
    let site = Site::start().await;
    let root = site.member("root", &["administrator"]).await;
    let alice = site.member("alice", &[]).await;
    let id = alice.get("/api/session").await.json()["user"]["id"].clone();
    let open = async |browser: &crate::support::Browser| {
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
    let site = Site::start().await;
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
    let site = Site::start().await;
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
    assert!(staff.get("/members?search=zz").await.body.contains("Nobody found"));
    let page = staff.get("/members?search=car").await.body;
    assert!(page.contains(">carol</bdi></a>") && !page.contains(">bob</bdi></a>"));
    site.stop().await;
}

#[tokio::test]
async fn a_user_s_resource_shows_each_reader_what_is_theirs_to_see() {
    let site = Site::start().await;
    let (alice, bob) = (site.member("alice", &[]).await, site.member("bob", &["moderator"]).await);
    let id = alice.get("/api/session").await.json()["user"]["id"].clone();
    let own = alice.get(&format!("/api/members/{id}")).await.json();
    let url = own["announce_url"].as_str().expect("a URL");
    assert!(url.starts_with("https://tracker.example.org/announce/") && url.ends_with("/announce"), "{url}");
    assert!(alice.get("/account/announce-url").await.body.contains(url));
    let seen = bob.get(&format!("/api/members/{id}")).await.json();
    assert_eq!(
        (&seen["name"], &seen["torrents"], &seen["disabled"]),
        (&json!("alice"), &json!(0), &json!(false))
    );
    assert!(seen.get("announce_url").is_none());
    assert_eq!(bob.get(&format!("/api/members/{id}/announce-key")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bob.get(&format!("/api/members/{id}/invites")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(alice.get("/api/members/99").await.status, StatusCode::NOT_FOUND);
    assert_eq!(alice.get("/api/members/x").await.status, StatusCode::NOT_FOUND);
    site.stop().await;
}

#[tokio::test]
async fn resetting_the_announce_key_makes_another_url_after_asking() {
    let site = Site::start().await;
    let alice = site.member("alice", &[]).await;
    let id = alice.get("/api/session").await.json()["user"]["id"].clone();
    let key = format!("/api/members/{id}/announce-key");
    let before = alice.get(&key).await.json()["announce_url"].clone();
    assert!(alice.get("/account/announce-url/reset").await.body.contains("download each of them again"));
    assert_eq!(alice.get(&key).await.json()["announce_url"], before, "asking changes nothing");
    let reset = "/account/announce-url/reset";
    assert_eq!(alice.post_from(reset, reset, &[]).await.location(), "/account/announce-url");
    let after = alice.get(&key).await.json()["announce_url"].clone();
    assert_ne!(after, before);
    let again = alice.api(Method::POST, &key, None).await.json()["announce_url"].clone();
    assert!(again != after && again != before);
    let text = again.as_str().expect("a URL").rsplit('/').nth(1).expect("a key").to_owned();
    let token = bt::token::Token::parse(text.as_bytes()).expect("a token");
    let account = webapi::db::member::user::find_enabled(
        &site.app.connection().await.expect("a connection"),
        UserId(1),
    )
    .await;
    let key = account.expect("a row").expect("alice").key;
    assert_eq!((key.version, key.nonce.as_bytes().len()), (2, 16));
    assert!(bt::announce_key::verify(&token, &site.app.keys.announce, &key, None));
    site.stop().await;
}

#[tokio::test]
async fn the_former_paths_of_members_keep_answering() {
    let site = Site::start().await;
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
