//! Pages of the site, compared with the files in `snapshots/`. `INSTA_UPDATE=always` writes those files anew.

mod aviary;
mod stable;

use bt::messages::control::{Decision, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::doctor::{connection, decision};
use crate::making::single;
use crate::password_resets;
use crate::support::{Answer, Browser, PASSWORD, TestSite};
use crate::tracker::{Tracker, TrackerSockets, record};

use Visitor::{Member, Staff, Stranger};
use aviary::Aviary;

/// Who opens a page.
#[derive(Debug, Clone, Copy)]
enum Visitor {
    Stranger,
    /// An inviter who has uploads, transfers, tokens, keys and invites.
    Member,
    /// An administrator.
    Staff,
}

/// Who opens which page of the aviary; the second word names the snapshot.
const PAGES: [(Visitor, &str, &str); 36] = [
    (Stranger, "sign_in", "/sign-in?next=%2Faccount"),
    (Stranger, "signed_out", "/sign-in?signed_out="),
    (Stranger, "password_was_set", "/sign-in?password_set="),
    (Stranger, "invite", "/invites/{invite}"),
    (Stranger, "invite_claimed", "/invites/{claimed}"),
    (Stranger, "password_reset", "/reset/{reset}"),
    (Member, "torrents", "/"),
    (Member, "torrents_found_sorted", "/?search=field&sort=size&order=asc"),
    (Member, "torrents_similar", "/?search=recordngs"),
    (Member, "torrents_not_found", "/?search=zzzz"),
    (Member, "torrent", "/torrents/1"),
    (Staff, "torrent_for_staff", "/torrents/1"),
    (Member, "torrent_of_another", "/torrents/3"),
    (Member, "torrent_files", "/torrents/1/files"),
    (Member, "torrent_edit", "/torrents/1/edit"),
    (Member, "torrent_delete", "/torrents/1/delete"),
    (Member, "upload", "/upload"),
    (Member, "account", "/account"),
    (Member, "account_transfers", "/account/transfers"),
    (Member, "account_announce_url", "/account/announce-url"),
    (Member, "account_announce_url_reset", "/account/announce-url/reset"),
    (Member, "account_security", "/account/security"),
    (Member, "account_tokens", "/account/tokens"),
    (Member, "account_feed_keys", "/account/feed-keys"),
    (Member, "account_doctor_without_tracker", "/account/doctor"),
    (Member, "invites", "/invites"),
    (Member, "member", "/members/3"),
    (Staff, "member_for_staff", "/members/3"),
    (Staff, "member_disabled", "/members/4"),
    (Staff, "members", "/members"),
    (Staff, "members_not_found", "/members?search=zz"),
    (Staff, "member_transfers", "/members/2/transfers"),
    (Staff, "member_reset_password", "/members/3/reset-password"),
    (Staff, "torrent_snatches", "/torrents/1/snatches"),
    (Staff, "swarm_without_tracker", "/swarm"),
    (Member, "api", "/api/docs"),
];

/// Routes that answer a GET with a file or lead to a page.
const NOT_PAGES: [&str; 8] = [
    "/static/{name}",
    "/torrents/{id}/download",
    "/account/announce-key",
    "/account/sessions",
    "/account/sessions/{id}/end",
    "/account/feed-keys/{id}/revoke",
    "/account/tokens/{id}/revoke",
    "/account/password-reset/dismiss",
];

/// Compares status, title and main part of an answer with the snapshot `name`.
fn compare(site: &TestSite, name: &str, answer: &Answer) {
    let shown = stable::main_part(answer, &site.url);
    insta::assert_snapshot!(name, shown);
}

async fn compare_page(site: &TestSite, visitor: &Browser, name: &str, path: &str) {
    compare(site, name, &visitor.get(path).await);
}

/// Whether `path` is served by `route`.
fn is_at(path: &str, route: &str) -> bool {
    let path: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let route: Vec<&str> = route.split('/').collect();
    path.len() == route.len()
        && path.iter().zip(&route).all(|(it, wanted)| wanted.starts_with('{') || it == wanted)
}

#[test]
fn each_page_has_a_snapshot() {
    let (_, _, routes) = webapi::ui::routes().split();
    for route in routes.into_iter().filter(|it| it.method == Method::GET) {
        let path = route.path.as_str();
        let compared = PAGES.iter().any(|(.., it)| is_at(it, path));
        assert_ne!(compared, NOT_PAGES.contains(&path), "{path}");
    }
}

#[tokio::test]
async fn pages_with_something_to_show() {
    let aviary = Aviary::new().await;
    let stranger = aviary.site.browser();
    for (visitor, name, path) in PAGES {
        let visitor = match visitor {
            Stranger => &stranger,
            Member => &aviary.wren,
            Staff => &aviary.owl,
        };
        compare_page(&aviary.site, visitor, name, &aviary.path(path)).await;
    }
    aviary.site.stop().await;
}

#[tokio::test]
async fn pages_with_nothing_to_show() {
    let site = TestSite::start().await;
    let owl = site.member("owl", &["administrator"]).await;
    for (name, path) in [
        ("empty_torrents", "/"),
        ("empty_account", "/account"),
        ("empty_account_transfers", "/account/transfers"),
        ("empty_account_tokens", "/account/tokens"),
        ("empty_account_feed_keys", "/account/feed-keys"),
        ("empty_invites", "/invites"),
        ("empty_member_transfers", "/members/1/transfers"),
    ] {
        compare_page(&site, &owl, name, path).await;
    }
    owl.add_torrent("alder").await;
    compare_page(&site, &owl, "empty_torrent", "/torrents/1").await;
    compare_page(&site, &owl, "empty_torrent_snatches", "/torrents/1/snatches").await;
    site.stop().await;
}

#[tokio::test]
async fn the_whole_document_with_all_of_the_navigation() {
    let site = TestSite::start().await;
    let owl = site.member("owl", &["administrator"]).await;
    let answer = owl.get("/nothing").await;
    insta::assert_snapshot!("document", stable::document(&answer, &site.url));
    site.stop().await;
}

/// Name of the snapshot, sender, path and fields of a form.
type Form<'a> = (&'a str, &'a Browser, &'a str, &'a [(&'a str, &'a str)]);

#[tokio::test]
async fn forms_that_are_refused() {
    let Aviary { site, owl, wren, links } = Aviary::new().await;
    let stranger = site.browser();
    let invite = format!("/invites/{}", links.invite);
    let reset = format!("/reset/{}", links.reset);
    let forms: [Form<'_>; 8] = [
        ("refused_sign_in", &stranger, "/sign-in", &[("username", "wren"), ("password", "not it")]),
        ("refused_invite", &stranger, &invite, &[("username", "x"), ("password", "short")]),
        (
            "refused_password_reset",
            &stranger,
            &reset,
            &[("new_password", "one"), ("new_password_again", "two")],
        ),
        ("refused_torrent_edit", &wren, "/torrents/1/edit", &[("title", ""), ("extended", "{")]),
        (
            "refused_account_security",
            &wren,
            "/account/security",
            &[("password", "not it"), ("new_password", "short"), ("new_password_again", "short")],
        ),
        ("refused_account_tokens", &wren, "/account/tokens", &[("name", ""), ("days", "30")]),
        ("refused_account_feed_keys", &wren, "/account/feed-keys", &[("name", "reader")]),
        ("refused_invites", &wren, "/invites", &[("note", "two\nlines")]),
    ];
    for (name, visitor, path, fields) in forms {
        compare(&site, name, &visitor.post_from(path, path, fields).await);
    }
    let roles = owl.post_from("/members/1", "/members/1/roles", &[("role", "inviter")]).await;
    compare(&site, "refused_member_roles", &roles);
    let picture = b"\x89PNG\r\n\x1a\n".to_vec();
    let typed = [("title", "<Alder>"), ("description", "*leaves*"), ("extended", "{")];
    compare(&site, "refused_upload", &wren.upload_page(picture, &typed).await);
    let again = wren.upload_page(single("alder", true, None), &[("title", "mine")]).await;
    compare(&site, "refused_upload_of_what_is_here", &again);
    site.stop().await;
}

#[tokio::test]
async fn answers_that_show_a_secret_once() {
    let site = TestSite::start().await;
    let owl = site.member("owl", &["administrator"]).await;
    site.add("robin", &[]).await;
    let token = [("name", "<script>"), ("scope", "read"), ("days", "30")];
    compare(&site, "new_token", &owl.post_from("/account/tokens", "/account/tokens", &token).await);
    let key = [("name", "<reader>")];
    compare(&site, "new_feed_key", &owl.post_from("/account/feed-keys", "/account/feed-keys", &key).await);
    let ask = "/members/2/reset-password";
    compare(&site, "new_password_reset", &owl.post_from(ask, ask, &[]).await);
    site.stop().await;
}

#[tokio::test]
async fn notices_after_a_form() {
    let site = TestSite::start().await;
    let owl = site.member("owl", &["administrator"]).await;
    let foreign = single("birch", false, Some("http://elsewhere.example/announce"));
    let uploaded = owl.upload_page(foreign, &[]).await;
    compare_page(&site, &owl, "uploaded_torrent", uploaded.location()).await;
    let edit = "/torrents/1/edit";
    let edited = owl.post_from(edit, edit, &[("title", "silver birch")]).await;
    compare_page(&site, &owl, "edited_torrent", edited.location()).await;
    owl.post_from("/invites", "/invites", &[("note", "finch")]).await;
    let list = owl.get("/api/invites").await.json();
    let friend = site.browser();
    let invite = site.path_of(list["items"][0]["url"].as_str().expect("a URL"));
    let claimed = friend.post_from(&invite, &invite, &[("username", "finch"), ("password", PASSWORD)]).await;
    assert_eq!(claimed.status, StatusCode::SEE_OTHER, "{}", claimed.body);
    compare_page(&site, &friend, "first_account", "/account").await;
    site.stop().await;
}

#[tokio::test]
async fn the_notice_of_a_reset_password() {
    let site = password_resets::reset().await;
    let (alice, _) = password_resets::sign_in(&site, "alice", password_resets::NEW).await;
    compare_page(&site, &alice, "password_reset_notice", "/account/transfers").await;
    site.stop().await;
}

#[tokio::test]
async fn pages_of_errors() {
    let site = TestSite::start().await;
    let (owl, wren) = (site.member("owl", &["administrator"]).await, site.member("wren", &[]).await);
    wren.add_torrent("alder").await;
    compare_page(&site, &site.browser(), "error_404_for_strangers", "/nothing").await;
    for (name, path) in [
        ("error_400", "/?after=x"),
        ("error_403", "/members"),
        ("error_404", "/torrents/99"),
        ("error_404_member", "/members/99"),
    ] {
        compare_page(&site, &wren, name, path).await;
    }
    compare_page(&site, &owl, "error_409", "/members/1/reset-password").await;
    let method = wren.request(Method::PUT, "/upload");
    compare(&site, "error_405", &Answer::of(method).await);
    let form = [("csrf", "stale"), ("title", "x")];
    compare(&site, "error_403_of_a_form", &wren.post("/torrents/1/edit", &form).await);
    site.execute("alter table api_tokens rename to elsewhere").await;
    compare_page(&site, &wren, "error_500", "/account/tokens").await;
    site.stop().await;
}

#[tokio::test]
async fn pages_of_limits() {
    let site = TestSite::start_with(|config| {
        config["webapi"]["signInAttempts"] = 1.into();
        config["webapi"]["requestsPerMinute"] = 3.into();
    })
    .await;
    let wren = site.member("wren", &[]).await;
    let refused = loop {
        let answer = wren.get("/").await;
        if answer.status != StatusCode::OK {
            break answer;
        }
    };
    compare(&site, "error_429", &refused);
    let (stranger, wrong) = (site.browser(), [("username", "nobody"), ("password", "wrong")]);
    stranger.post_from("/sign-in", "/sign-in", &wrong).await;
    compare(&site, "error_429_of_sign_in", &stranger.post_from("/sign-in", "/sign-in", &wrong).await);
    site.stop().await;
}

/// Waits until the site has heard the tracker.
async fn heard(wren: &Browser) {
    infra::testing::eventually("the tracker's numbers are shown", async || {
        wren.get("/api/torrents/1").await.json()["seeders"] != Value::Null
    })
    .await;
}

#[tokio::test]
async fn pages_that_show_what_the_tracker_knows() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let (wren, owl) = (site.member("wren", &[]).await, site.member("owl", &["moderator"]).await);
    for title in ["alder", "birch"] {
        wren.add_torrent(title).await;
    }
    let shown = wren.get("/api/torrents/1").await.json();
    let hash = shown["info_hash"].as_str().expect("a hash").parse().expect("a hash");
    let tracker = Tracker::start(&sockets, 1, vec![record(hash, 3, 2, 1)]).await;
    heard(&wren).await;
    compare_page(&site, &wren, "torrents_with_counts", "/").await;
    compare_page(&site, &owl, "swarm", "/swarm").await;
    compare_page(&site, &owl, "swarm_of_a_torrent_without_peers", "/swarm?torrent=2").await;
    compare_page(&site, &wren, "account_doctor_without_announces", "/account/doctor").await;
    tracker.remember(1, decision(1, Verdict::OtherTorrent));
    tracker.remember(1, Decision { client: [0; 8], ..decision(0, Verdict::Unregistered) });
    tracker.remember(1, decision(1, Verdict::Answered));
    tracker.connect(1, connection(6881, false));
    tracker.connect(1, connection(51_413, true));
    compare_page(&site, &wren, "account_doctor", "/account/doctor").await;
    tracker.kill().await;
    site.stop().await;
}
