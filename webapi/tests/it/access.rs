//! The permissions that each route requires, and the security headers of every answer.

use reqwest::{Method, StatusCode, header};
use webapi::auth::needs::Proof;
use webapi::domain::member::permission::{PERMISSIONS, Permission, Permissions};
use webapi::routes::Route;

use crate::support::{Answer, Browser, TestSite};

/// Pages that are for members, with parameters filled in.
fn pages() -> Vec<String> {
    let (_, _, table) = webapi::ui::routes().split();
    let for_members =
        table.into_iter().filter(|it| it.method == Method::GET && it.needs.proof != Proof::Nothing);
    for_members.map(|it| it.path.replace("{id}", "1")).collect()
}

/// What the roles of the first migration allow.
const ROLES: [(&str, &[Permission]); 3] = [
    ("administrator", &PERMISSIONS),
    ("inviter", &[Permission::InviteCreate]),
    (
        "moderator",
        &[
            Permission::TorrentEditAny,
            Permission::TorrentViewSnatches,
            Permission::MemberViewPrivate,
            Permission::MemberResetPassword,
            Permission::SwarmView,
        ],
    ),
];

#[tokio::test]
async fn roles_allow_what_they_always_did() {
    let site = TestSite::start().await;
    for (role, permissions) in ROLES {
        let sql = format!("select array_agg(permission) from role_permissions where role = '{role}'");
        let words: Vec<String> = site.value(&sql).await;
        let known: Vec<&str> = PERMISSIONS.iter().map(|it| it.word()).collect();
        assert!(words.iter().all(|it| known.contains(&it.as_str())), "{role}: {words:?}");
        assert_eq!(Permissions::parse(&words), permissions.iter().copied().collect(), "{role}");
    }
    assert_eq!(site.value::<i64>("select count(*) from roles").await, 3);
    site.stop().await;
}

/// Somebody who asks, and what their roles allow; `None` for a stranger.
struct Actor {
    name: &'static str,
    browser: Browser,
    permissions: Option<Permissions>,
}

async fn actors(site: &TestSite) -> Vec<Actor> {
    let mut actors = vec![Actor { name: "stranger", browser: site.browser(), permissions: None }];
    for (name, role) in [
        ("uploader", None),
        ("member", None),
        ("inviter", Some("inviter")),
        ("moderator", Some("moderator")),
        ("administrator", Some("administrator")),
    ] {
        let browser = site.member(name, role.as_slice()).await;
        let allowed = ROLES.iter().find(|it| Some(it.0) == role).map_or(&[][..], |it| it.1);
        actors.push(Actor { name, browser, permissions: Some(allowed.iter().copied().collect()) });
    }
    actors
}

/// How a request without a form's token was refused.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    SignIn,
    Permission,
    /// The request was accepted, or refused for another reason.
    Other,
}

async fn refusal(browser: &Browser, route: &Route) -> Refusal {
    let path = route.path.replace("{id}", "1").replace("{secret}", "x").replace("{name}", "style.css");
    let answer = browser.request(route.method.clone(), &path).send().await.expect("an answer");
    let signs_in = |it: &header::HeaderValue| it.as_bytes().starts_with(b"/sign-in");
    let location = answer.headers().get(header::LOCATION).is_some_and(signs_in);
    match answer.status() {
        StatusCode::UNAUTHORIZED => Refusal::SignIn,
        StatusCode::SEE_OTHER if location => Refusal::SignIn,
        StatusCode::FORBIDDEN => {
            let text = answer.text().await.expect("text").to_lowercase();
            if text.contains("this is for ") { Refusal::Permission } else { Refusal::Other }
        }
        _ => Refusal::Other,
    }
}

#[tokio::test]
async fn every_route_is_open_to_those_whom_the_table_names_and_to_nobody_else() {
    let site = TestSite::start().await;
    let actors = actors(&site).await;
    let (_, _, operations) = webapi::api::routes().split();
    let (_, _, pages) = webapi::ui::routes().split();
    for route in operations.iter().chain(&pages) {
        for actor in &actors {
            let expected = match (actor.permissions, route.needs.proof, route.needs.permission) {
                (_, Proof::Nothing, _) => Refusal::Other,
                (None, ..) => Refusal::SignIn,
                (Some(held), _, Some(permission)) if !held.has(permission) => Refusal::Permission,
                (Some(_), ..) => Refusal::Other,
            };
            let Route { method, path, .. } = route;
            assert_eq!(refusal(&actor.browser, route).await, expected, "{}: {method} {path}", actor.name);
        }
    }
    for actor in actors.iter().filter(|it| it.permissions.is_some()) {
        assert!(actor.browser.is_signed_in().await, "{}", actor.name);
    }
    site.stop().await;
}

#[tokio::test]
async fn a_torrent_is_changed_by_its_uploader_and_those_who_may_edit_any() {
    let site = TestSite::start().await;
    for actor in actors(&site).await {
        if actor.name == "uploader" {
            actor.browser.upload(crate::making::single("one", true, None), &[]).await;
        }
        let page = actor.browser.get("/torrents/1/edit").await;
        let expected = match actor.name {
            "stranger" => StatusCode::SEE_OTHER,
            "uploader" | "moderator" | "administrator" => StatusCode::OK,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(page.status, expected, "{}", actor.name);
    }
    site.stop().await;
}

#[tokio::test]
async fn every_page_asks_strangers_to_sign_in_and_leads_back() {
    let site = TestSite::start().await;
    for path in pages() {
        let path = path.as_str();
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        let next = if path == "/" { String::new() } else { format!("?next={}", path.replace('/', "%2F")) };
        assert_eq!(answer.location(), format!("/sign-in{next}"));
    }
    site.stop().await;
}

#[tokio::test]
async fn a_form_whose_session_ended_leads_back_to_its_page_after_signing_in() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator", "inviter"]).await;
    root.upload(crate::making::single("one", true, None), &[]).await;
    for path in crate::csrf::page_changes() {
        let path = crate::csrf::filled(&path);
        let stranger = site.browser();
        let answer = stranger.post(&path, &[("title", "typed")]).await;
        if ["/sign-in", "/reset/", "/invites/aaa"].iter().any(|it| path.starts_with(it))
            && !path.ends_with("/revoke")
        {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} is for strangers");
            continue;
        }
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        let sign_in = answer.location().to_owned();
        let (_, next) = sign_in.split_once("?next=").unwrap_or((&sign_in, "%2F"));
        let next = next.replace("%2F", "/");
        assert!(path.starts_with(&next), "{path} is led to {next}");
        assert!(!next.contains("aaaa"), "no secret is in the address: {next}");
        let page = root.get(&next).await;
        // A form's own address leads on to its page; nobody resets their own password.
        let shown = [StatusCode::OK, StatusCode::SEE_OTHER, StatusCode::CONFLICT].contains(&page.status);
        assert!(shown && !page.location().starts_with("/sign-in"), "{path}: {next}: {}", page.status);
        let form = [("username", "root"), ("password", crate::support::PASSWORD), ("next", &*next)];
        let back = stranger.post_from(&sign_in, "/sign-in", &form).await;
        assert_eq!(back.location(), next, "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_form_whose_session_ended_is_led_to_the_page_that_it_is_on() {
    let site = TestSite::start().await;
    site.member("root", &[]).await.add_torrent("one").await;
    for (path, page) in
        [("/upload", "/upload"), ("/members/1/roles", "/members/1"), ("/torrents/1/edit", "/torrents/1/edit")]
    {
        let answer = site.browser().post(path, &[]).await;
        assert_eq!(answer.location(), format!("/sign-in?next={}", page.replace('/', "%2F")));
    }
    site.stop().await;
}

/// Addresses that are no pages for members, or none at all.
const MORE_PATHS: [&str; 7] =
    ["/sign-in", "/nothing", "/invites/x", "/api/session", "/api/nothing", "/api/openapi.json", "/api/docs"];

/// Directives that each answer's content security policy holds.
const POLICY: [&str; 6] = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
];

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &["administrator"]).await;
    let pages = pages();
    for path in pages.iter().map(String::as_str).chain(MORE_PATHS) {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(POLICY.iter().all(|it| policy.contains(it)), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        if !path.starts_with("/api/docs") && !path.contains("openapi") {
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
        for inline in ["<style", " style=", " onclick=", "javascript:"] {
            assert!(!answer.body.contains(inline), "{path} holds {inline}");
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn below_a_base_path_every_link_and_cookie_stays_there() {
    let site = TestSite::start_with(|config| {
        let url = config["apiUrl"].as_str().expect("a URL").to_owned();
        config["apiUrl"] = format!("{url}/base").into();
        config["pathDepth"] = 1.into();
    })
    .await;
    site.add("alice", &["administrator"]).await;
    let browser = site.browser();
    assert_eq!(browser.get("/base/account").await.location(), "/base/sign-in?next=%2Faccount");
    let page = browser.get("/base/sign-in").await;
    assert!(page.set_cookies().concat().contains("Path=/base"), "{:?}", page.set_cookies());
    let form = [
        ("csrf", &*page.csrf()),
        ("username", "alice"),
        ("password", crate::support::PASSWORD),
        ("next", "/account"),
    ];
    let answer = browser.post("/base/sign-in", &form).await;
    assert_eq!(answer.location(), "/base/account", "{}", answer.body);
    let account = browser.get("/base/account").await;
    assert_eq!(account.status, StatusCode::OK);
    for attribute in ["href=\"", "action=\"", "src=\""] {
        for link in account.body.split(attribute).skip(1) {
            assert!(link.starts_with("/base/") || link.starts_with('#'), "{attribute}{}", &link[..40]);
        }
    }
    let created = browser.post("/base/invites", &[("csrf", &account.csrf())]).await;
    assert_eq!(created.location(), "/base/invites");
    site.stop().await;
}

#[tokio::test]
async fn methods_that_a_page_does_not_take_are_named_as_such() {
    let site = TestSite::start().await;
    let browser = site.browser();
    let page = Answer::of(browser.request(Method::PUT, "/sign-in")).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(page.header("allow"), "GET,HEAD,POST");
    assert!(page.body.contains("<!doctype html>") && page.header("content-type").starts_with("text/html"));
    let api = Answer::of(browser.request(Method::PUT, "/api/session")).await;
    assert_eq!(api.json()["error"]["code"], "method_not_allowed");
    site.stop().await;
}

#[tokio::test]
async fn over_https_browsers_are_told_to_ask_for_nothing_else() {
    for secure in [true, false] {
        let site = TestSite::start_with(|config| config["webapi"]["secure"] = secure.into()).await;
        for path in ["/sign-in", "/api/session", "/nothing"] {
            let header = site.browser().get(path).await.header("strict-transport-security").to_owned();
            assert_eq!(header, if secure { "max-age=31536000" } else { "" }, "{path}");
        }
        site.stop().await;
    }
}
