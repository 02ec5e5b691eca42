//! Input that the site cannot use: each is a refusal with a sentence, none a fault of ours.

use data_encoding::BASE64URL_NOPAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, PASSWORD, TestSite};

/// An API token of the member whose browser this is.
async fn token(browser: &Browser) -> String {
    let made = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await;
    made.json()["token"].as_str().expect("a token").to_owned()
}

fn cursor(keys: &Value) -> String {
    BASE64URL_NOPAD.encode(keys.to_string().as_bytes())
}

#[tokio::test]
async fn an_array_does_not_pass_for_an_object() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    let id = wren.add_torrent("alder").await;
    let path = format!("/api/torrents/{id}");
    let answer = wren.api(Method::PATCH, &path, Some(json!(["by array", null, null]))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    assert_eq!(answer.json()["error"]["message"], "the JSON cannot be read: expected an object, in braces");
    assert_eq!(wren.get(&path).await.json()["title"], "alder");
    let sign_in = site.browser().request(Method::POST, "/api/session").json(&json!(["wren", PASSWORD]));
    assert_eq!(Answer::of(sign_in).await.status, StatusCode::BAD_REQUEST);
    site.stop().await;
}

#[tokio::test]
async fn nul_in_a_body_a_form_a_parameter_or_a_cursor_is_a_bad_request() {
    let site = TestSite::start().await;
    let staff = site.member("owl", &["moderator", "administrator"]).await;
    let nul = json!({ "username": "a\0", "password": PASSWORD });
    let stranger = site.browser();
    let answer = Answer::of(stranger.request(Method::POST, "/api/session").json(&nul)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    let form = [("username", "a\0"), ("password", PASSWORD)];
    let answer = stranger.post_from("/sign-in", "/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    let name = cursor(&json!("a\0"));
    for path in [
        "/?search=%00",
        "/api/torrents?search=a%00b",
        "/api/members?search=%00",
        "/members?search=a%00b",
        &format!("/api/members?after={name}"),
        &format!("/members?after={name}"),
    ] {
        let answer = staff.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.body);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_word_longer_than_postgres_takes_is_searched_by_its_beginning() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    // Four letters of twelve bytes each, once it is taken apart.
    let word = "%E3%8D%91".repeat(180);
    for path in [format!("/?search={word}"), format!("/api/torrents?search={word}&sort=size")] {
        let answer = wren.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_cursor_of_a_year_that_postgres_does_not_know_is_refused() {
    let site = TestSite::start().await;
    let owl = site.member("owl", &["moderator"]).await;
    let id = owl.add_torrent("alder").await;
    for micros in [-300_000_000_000_000_000_i64, -62_200_000_000_000_000, i64::MAX, i64::MIN] {
        let after = cursor(&json!([micros, 1]));
        for path in ["/api/members/1/transfers", "/account/transfers", &format!("/torrents/{id}/snatches")] {
            let answer = owl.get(&format!("{path}?after={after}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {micros}: {}", answer.body);
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn authorization_of_another_scheme_is_not_ours() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    for value in ["Basic d3Jlbjp3cmVu", "Digest username=\"wren\"", "", "fw_x"] {
        let with =
            |browser: &Browser, path| browser.request(Method::GET, path).header("authorization", value);
        let page = Answer::of(with(&site.browser(), "/sign-in")).await;
        assert_eq!(page.status, StatusCode::OK, "{value}");
        assert_eq!(
            Answer::of(with(&wren, "/account")).await.status,
            StatusCode::OK,
            "{value}: the session counts"
        );
        assert_eq!(Answer::of(with(&wren, "/api/session")).await.json()["user"]["name"], "wren", "{value}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_token_that_is_not_valid_leads_to_the_sign_in_page_and_no_further() {
    let site = TestSite::start().await;
    for token in ["x", "fw_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let get = |path| Answer::of(site.browser().request(Method::GET, path).bearer_auth(token));
        assert_eq!(get("/account").await.location(), "/sign-in?next=%2Faccount");
        assert_eq!(get("/sign-in?next=%2Faccount").await.status, StatusCode::OK);
        assert_eq!(get("/api/session").await.status, StatusCode::UNAUTHORIZED);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_form_sent_with_a_token_is_answered_as_one_sent_with_a_session() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &["inviter"]).await;
    let id = wren.add_torrent("alder").await;
    let token = token(&wren).await;
    let script = site.browser();
    let post = |path: &str| {
        let form = [("title", "birch"), ("description", ""), ("extended", "")];
        Answer::of(script.request(Method::POST, path).bearer_auth(&token).form(&form))
    };
    let edited = post(&format!("/torrents/{id}/edit")).await;
    assert_eq!((edited.status, edited.location()), (StatusCode::SEE_OTHER, &*format!("/torrents/{id}")));
    assert_eq!(wren.get(&format!("/api/torrents/{id}")).await.json()["title"], "birch");
    let invited = post("/invites").await;
    assert_eq!((invited.status, invited.location()), (StatusCode::SEE_OTHER, "/invites"));
    let deleted = post(&format!("/torrents/{id}/delete")).await;
    assert_eq!((deleted.status, deleted.location()), (StatusCode::SEE_OTHER, "/"));
    site.stop().await;
}

#[tokio::test]
async fn strangers_are_led_from_the_page_of_the_api_to_signing_in() {
    let site = TestSite::start().await;
    let stranger = site.browser();
    let answer = stranger.get("/api/docs").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/sign-in?next=%2Fapi%2Fdocs"));
    assert_eq!(stranger.get("/api/openapi.json").await.status, StatusCode::OK);
    site.stop().await;
}

#[tokio::test]
async fn a_page_asked_for_with_a_bad_parameter_offers_the_list_s_start() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &["inviter", "moderator"]).await;
    for (path, start) in [
        ("/?after=xxx", "/"),
        ("/?sort=zzz", "/"),
        ("/?limit=0", "/"),
        ("/invites?after=xxx", "/invites"),
        ("/members?after=xxx", "/members"),
        ("/account/transfers?after=xxx", "/account/transfers"),
    ] {
        let page = wren.get(path).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
        for part in [
            &*format!("href=\"{start}\">To the start of the list</a>"),
            "a part of the list that does not exist",
        ] {
            assert!(page.body.contains(part), "{path}: {}", page.body);
        }
        assert!(!page.body.contains("`next`") && !page.body.contains("expected"), "{path}: {}", page.body);
    }
    let api = wren.get("/api/torrents?sort=zzz").await.json();
    assert!(api["error"]["message"].to_string().contains("expected one of"), "{api}");
    site.stop().await;
}

#[tokio::test]
async fn strangers_are_not_offered_the_torrents_and_members_no_sign_in() {
    let site = TestSite::start().await;
    let wren = site.member("wren", &["inviter"]).await;
    let stranger = site.browser();
    let missing = stranger.get("/nothing").await.body;
    assert!(
        missing.contains("href=\"/sign-in\">Sign in</a>") && !missing.contains("To the torrents"),
        "{missing}"
    );
    assert!(wren.get("/nothing").await.body.contains("href=\"/\">To the torrents</a>"));
    let made = wren.api(Method::POST, "/api/invites", None).await.json();
    let link = made["url"].as_str().expect("a link").to_owned();
    let path = link.strip_prefix(&site.url).expect("of this site");
    wren.api(Method::DELETE, &format!("/api{path}"), None).await;
    let over = wren.get(path).await;
    assert_eq!(over.status, StatusCode::GONE);
    assert!(over.body.contains("href=\"/\">To the torrents</a>"), "{}", over.body);
    assert!(!over.body.contains(">Sign in</a>"), "{}", over.body);
    assert!(stranger.get(path).await.body.contains("href=\"/sign-in\">Sign in</a>"));
    site.stop().await;
}
