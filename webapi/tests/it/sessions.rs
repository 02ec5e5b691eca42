//! Signing in and out, and what a session's cookie and row are.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Browser, PASSWORD, TestSite};

/// What a password is changed to.
const NEW: &str = "new otter lantern";

#[tokio::test]
async fn a_session_s_cookie_is_for_this_site_and_not_for_scripts() {
    let site = TestSite::start().await;
    site.add("alice", &[]).await;
    let answer = site
        .browser()
        .post_from("/sign-in", "/sign-in", &[("username", "alice"), ("password", PASSWORD)])
        .await;
    let cookie = answer.set_cookies().into_iter().find(|it| it.starts_with("session=")).expect("a cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    site.stop().await;
}

#[tokio::test]
async fn behind_https_the_cookies_carry_the_prefix_and_secure() {
    for (base, prefix, path) in [("", "__Host-", "; Path=/"), ("/base", "__Secure-", "; Path=/base")] {
        let site = TestSite::start_with(|config| {
            config["webapi"]["secure"] = true.into();
            config["apiUrl"] = format!("https://site.example.org{base}").into();
        })
        .await;
        site.add("alice", &[]).await;
        let browser = site.browser();
        let page = browser.get("/sign-in").await;
        let visit = page.set_cookies().concat();
        assert!(visit.starts_with(&format!("{prefix}visit=")), "{visit}");
        for part in ["HttpOnly", "SameSite=Strict", "; Secure", path] {
            assert!(visit.contains(part), "{part} in {visit}");
        }
        let sent = visit.split(';').next().expect("name and value").to_owned();
        let form = [("csrf", &*page.csrf()), ("username", "alice"), ("password", PASSWORD)];
        let request = browser.request(Method::POST, "/sign-in").header("cookie", sent).form(&form);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let cookie = answer.set_cookies().concat();
        assert!(cookie.starts_with(&format!("{prefix}session=")), "{cookie}");
        assert!(
            cookie.contains("; Secure") && cookie.ends_with(path) || cookie.contains(&format!("{path};")),
            "{cookie}"
        );
        assert!(!cookie.contains("Domain"), "{cookie}");
        site.stop().await;
    }
}

#[tokio::test]
async fn visiting_and_failing_leave_no_session_behind() {
    let site = TestSite::start().await;
    let browser = site.browser();
    for path in ["/", "/sign-in", "/invites/x", "/nothing", "/api/session"] {
        browser.get(path).await;
    }
    browser.post_from("/sign-in", "/sign-in", &[("username", "nobody"), ("password", "wrong")]).await;
    assert_eq!(site.value::<i64>("select count(*) from sessions").await, 0);
    assert_eq!(browser.cookie("session"), None);
    site.stop().await;
}

#[tokio::test]
async fn only_a_keyed_hash_of_the_cookie_is_stored_and_no_address() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let cookie = browser.cookie("session").expect("signed in");
    let raw = data_encoding::BASE64URL_NOPAD.decode(cookie.as_bytes()).expect("base64");
    let row: String = site.value("select to_jsonb(sessions)::text from sessions").await;
    assert!(!row.contains(&cookie));
    assert!(!row.contains(&data_encoding::HEXLOWER.encode(&raw)));
    assert!(
        !row.contains(&data_encoding::HEXLOWER.encode(blake3::hash(&raw).as_bytes())),
        "a plain hash is no key"
    );
    assert!(!row.contains("127.0.0.1"), "{row}");
    site.stop().await;
}

#[tokio::test]
async fn signing_in_never_takes_over_an_id_that_was_there_before() {
    let site = TestSite::start().await;
    let mallory = site.member("mallory", &[]).await;
    let planted = mallory.cookie("session").expect("signed in");
    site.add("alice", &[]).await;
    for cookie in [planted.clone(), "AAAAAAAAAAAAAAAAAAAAAA".to_owned(), "garbage".to_owned()] {
        let victim = site.browser();
        victim.set_cookie(&format!("session={cookie}"));
        let body = json!({ "username": "alice", "password": PASSWORD });
        let answer = Answer::of(victim.request(Method::POST, "/api/session").json(&body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        assert_ne!(victim.cookie("session").expect("signed in"), cookie);
        assert_eq!(victim.get("/api/session").await.json()["user"]["name"], "alice");
    }
    assert!(!mallory.is_signed_in().await, "the session that was planted has ended");
    site.stop().await;
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_are_answered_alike() {
    let site = TestSite::start().await;
    site.add("alice", &[]).await;
    let mut answers = Vec::new();
    for (name, password) in [("alice", "wrong password"), ("nobody", PASSWORD)] {
        let browser = site.browser();
        let page = browser.get("/sign-in").await;
        let form = [("csrf", &*page.csrf()), ("username", name), ("password", password)];
        let shown = browser.post("/sign-in", &form).await;
        assert_eq!(shown.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(shown.field("username"), name, "the typed name is kept");
        let body = json!({ "username": name, "password": password });
        let api = Answer::of(browser.request(Method::POST, "/api/session").json(&body)).await;
        assert_eq!(api.status, StatusCode::UNAUTHORIZED);
        answers.push((shown.body.replace(&page.csrf(), "").replace(name, ""), api.body));
    }
    assert_eq!(answers[0], answers[1]);
    site.stop().await;
}

#[tokio::test]
async fn names_are_found_in_any_case_and_next_leads_only_within_the_site() {
    let site = TestSite::start().await;
    site.add("Alice", &[]).await;
    for (next, location) in
        [("/account?x=1", "/account?x=1"), ("https://evil.example/", "/"), ("//evil.example", "/")]
    {
        let browser = site.browser();
        let fields = [("username", "aLICE"), ("password", PASSWORD), ("next", next)];
        let answer = browser.post_from("/sign-in", "/sign-in", &fields).await;
        assert_eq!(answer.location(), location);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_limited_form_says_when_to_come_back_and_keeps_the_name() {
    let site = TestSite::start_with(|config| config["webapi"]["signInAttempts"] = 1.into()).await;
    let browser = site.browser();
    let fields = [("username", "nobody"), ("password", "wrong")];
    browser.post_from("/sign-in", "/sign-in", &fields).await;
    let answer = browser.post_from("/sign-in", "/sign-in", &fields).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(answer.field("username"), "nobody");
    site.stop().await;
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_too() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let cookie = browser.cookie("session").expect("signed in");
    let answer = browser.post_from("/account", "/sign-out", &[]).await;
    assert_eq!(answer.location(), "/sign-in?signed_out=");
    assert_eq!(browser.cookie("session"), None);
    let thief = site.browser();
    thief.set_cookie(&format!("session={cookie}"));
    assert!(!thief.is_signed_in().await);
    site.stop().await;
}

/// Sends the security page's form with the new password once more.
async fn change_password(browser: &Browser, present: &str, new: &str, again: &str) -> Answer {
    let form = [("password", present), ("new_password", new), ("new_password_again", again)];
    browser.post_from("/account/security", "/account/security", &form).await
}

#[tokio::test]
async fn a_password_that_cannot_be_changed_ends_no_session() {
    let site = TestSite::start().await;
    let (here, elsewhere) = (site.member("alice", &[]).await, site.browser());
    elsewhere.sign_in("alice").await;
    for (present, new, again, words) in [
        ("wrong password", NEW, NEW, "this is not your present password"),
        (PASSWORD, NEW, "other", "the two new passwords differ"),
        (PASSWORD, "short", "short", "at least 8 characters"),
    ] {
        let refused = change_password(&here, present, new, again).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(refused.body.contains(words), "{words}: {}", refused.body);
    }
    assert!(elsewhere.is_signed_in().await);
    site.stop().await;
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions_and_keeps_this_one() {
    let site = TestSite::start().await;
    let (here, elsewhere) = (site.member("alice", &[]).await, site.browser());
    elsewhere.sign_in("alice").await;
    assert_eq!(change_password(&here, PASSWORD, NEW, NEW).await.location(), "/account/security");
    assert!(here.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    let form = [("username", "alice"), ("password", PASSWORD)];
    let again = elsewhere.post_from("/sign-in", "/sign-in", &form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "the old password no longer works");
    site.stop().await;
}

#[tokio::test]
async fn changing_the_password_keeps_tokens() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let token = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": "script" }))).await.json();
    assert_eq!(change_password(&browser, PASSWORD, NEW, NEW).await.location(), "/account/security");
    let script = site.browser().request(Method::GET, "/api/session");
    let script = script.bearer_auth(token["token"].as_str().expect("a token"));
    assert_eq!(Answer::of(script).await.status, StatusCode::OK);
    site.stop().await;
}

#[tokio::test]
async fn a_sign_in_that_overlaps_a_password_change_gets_no_session() {
    let site = TestSite::start().await;
    site.add("alice", &[]).await;
    let mut client = site.database.client().await.expect("a connection");
    let change = client.transaction().await.expect("a transaction");
    change.execute("update users set password_hash = 'another'", &[]).await.expect("an update");
    let body = json!({ "username": "alice", "password": PASSWORD });
    let browser = site.browser();
    let signing_in = tokio::spawn(Answer::of(browser.request(Method::POST, "/api/session").json(&body)));
    let waits = "select exists (select from pg_stat_activity where datname = current_database()
                 and application_name = 'webapi' and wait_event_type = 'Lock')";
    while !site.value::<bool>(waits).await {}
    change.commit().await.expect("committed");
    let answer = signing_in.await.expect("an answer");
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
    assert_eq!(site.value::<i64>("select count(*) from sessions").await, 0);
    site.stop().await;
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_is_swept() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    site.execute("update sessions set expires_at = now() - interval '1 second'").await;
    assert!(!browser.is_signed_in().await);
    let client = site.app.connection().await.expect("a connection");
    assert_eq!(webapi::db::member::session::sweep(&client).await.expect("swept"), 1);
    drop(client);
    site.stop().await;
}

#[tokio::test]
async fn a_member_s_oldest_sessions_end_when_there_are_a_hundred() {
    let site = TestSite::start().await;
    let (alice, bob) = (site.member("alice", &[]).await, site.member("bob", &[]).await);
    site.execute(
        "insert into sessions (id, user_id, data, expires_at)
         select decode(lpad(n::text, 8, '0'), 'hex'), (select id from users where name = 'alice'), '{}',
                now() + interval '1 day'
         from generate_series(1, 100) n",
    )
    .await;
    let newest = site.browser();
    site.execute("update sessions set last_seen_at = now() - interval '1 second' where user_id = 1").await;
    newest.sign_in("alice").await;
    assert_eq!(site.value::<i64>("select count(*) from sessions where user_id = 1").await, 100);
    assert!(newest.is_signed_in().await && bob.is_signed_in().await);
    assert!(!alice.is_signed_in().await);
    site.stop().await;
}

#[tokio::test]
async fn visits_are_written_every_five_minutes_at_most_and_move_the_end() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    let age = "select extract(epoch from now() - last_seen_at)::integer from sessions";
    site.execute("update sessions set last_seen_at = now() - interval '4 minutes'").await;
    assert!(browser.get("/account").await.set_cookies().is_empty());
    assert!(site.value::<i32>(age).await >= 240, "too soon to write");
    site.execute(
        "update sessions set last_seen_at = now() - interval '6 minutes', expires_at = now() + interval '1 day'",
    )
    .await;
    let answer = browser.get("/account").await;
    assert!(answer.set_cookies().concat().contains("Max-Age=2592000"), "the cookie lives on, too");
    assert!(site.value::<i32>(age).await < 60);
    assert!(site.value::<bool>("select expires_at > now() + interval '29 days' from sessions").await);
    site.stop().await;
}

#[tokio::test]
async fn the_security_page_lists_sessions_and_ends_them() {
    let site = TestSite::start().await;
    let here = site.member("alice", &[]).await;
    let others = [site.browser(), site.browser(), site.browser()];
    for other in &others {
        other.sign_in("alice").await;
    }
    let stranger = site.member("bob", &[]).await;
    let page = here.get("/account/security").await;
    assert_eq!(page.body.matches("this one").count(), 1);
    assert_eq!(page.body.matches("/account/sessions/").count(), 3);
    let end = page.body.split("/account/sessions/").nth(1).expect("a form").split('/').next().expect("an id");
    let path = format!("/account/sessions/{end}/end");
    stranger.post_from("/account", &path, &[]).await;
    assert_eq!(signed_in(&others).await, 3, "only one's own");
    here.post_from("/account", &path, &[]).await;
    assert_eq!(signed_in(&others).await, 2);
    here.post_from("/account", "/account/sessions", &[]).await;
    assert_eq!(signed_in(&others).await, 0);
    assert!(here.is_signed_in().await && stranger.is_signed_in().await);
    site.stop().await;
}

async fn signed_in(browsers: &[Browser]) -> usize {
    let mut count = 0;
    for browser in browsers {
        count += usize::from(browser.is_signed_in().await);
    }
    count
}

#[tokio::test]
async fn a_session_that_is_used_every_day_ends_all_the_same() {
    let site = TestSite::start_with(|config| config["webapi"]["sessionMaxDays"] = 40.into()).await;
    let browser = site.member("alice", &[]).await;
    let age = async |days: i32| {
        let sql = format!(
            "update sessions set created_at = now() - make_interval(days => {days}), last_seen_at = now() - interval '1 hour'"
        );
        site.execute(&sql).await;
    };
    age(39).await;
    assert!(browser.is_signed_in().await);
    let end = "select expires_at <= created_at + interval '40 days' from sessions";
    assert!(site.value::<bool>(end).await, "the visit moved its end on no further");
    age(41).await;
    assert!(!browser.is_signed_in().await);
    site.stop().await;
}
