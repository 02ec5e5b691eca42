//! What becomes of forms: nothing that was typed is lost, and what is said is seen, with scripts and without.

use reqwest::{Method, StatusCode};

use crate::making::single;
use crate::support::{Answer, Browser, TestSite};

/// Sends a form as `static/send.js` does.
async fn by_script(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = browser.request(Method::POST, path).header("x-sent-by-script", "1");
    Answer::of(request.form(fields)).await
}

/// The tags of a page that take the focus when it is opened: only the first does.
fn focused(answer: &Answer) -> &str {
    let tag =
        answer.body.split('<').find(|it| it.split('>').next().is_some_and(|it| it.contains(" autofocus")));
    tag.unwrap_or_else(|| panic!("nothing takes the focus: {} {}", answer.status, answer.body))
}

#[tokio::test]
async fn the_notice_of_an_upload_is_shown_once_and_to_its_uploader_only() {
    let site = TestSite::start().await;
    let (wren, robin) = (site.member("wren", &[]).await, site.member("robin", &[]).await);
    let first = wren.upload_page(single("a", false, None), &[]).await;
    let second = wren.upload_page(single("b", true, None), &[]).await;
    assert_eq!((first.location(), second.location()), ("/torrents/1", "/torrents/2"), "bare addresses");
    let notice = "Download our file</a>";
    assert!(!robin.get("/torrents/1").await.body.contains(notice), "whoever is sent the link");
    assert!(wren.get("/torrents/1").await.body.contains(notice), "the first visit");
    assert!(!wren.get("/torrents/1").await.body.contains(notice), "a reload");
    assert!(wren.get("/torrents/2").await.body.contains(notice), "each upload has its own");
    assert!(!wren.get("/torrents/2?uploaded=both").await.body.contains(notice), "no address brings it back");
    site.stop().await;
}

#[tokio::test]
async fn a_script_is_told_where_a_form_leads_and_the_message_waits_for_that_page() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let id = member.add_torrent("before").await;
    let edit = format!("/torrents/{id}/edit");
    let csrf = member.get(&edit).await.csrf();
    let done = by_script(&member, &edit, &[("csrf", &csrf), ("title", "after")]).await;
    assert_eq!((done.status, done.location()), (StatusCode::NO_CONTENT, &*format!("/torrents/{id}")));
    assert!(done.body.is_empty());
    assert!(member.get(done.location()).await.body.contains("The torrent was changed."));
    site.stop().await;
}

#[tokio::test]
async fn a_script_is_told_of_errors_in_json_and_of_faulty_fields_by_the_form() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let id = member.add_torrent("before").await;
    let edit = format!("/torrents/{id}/edit");
    let stale = by_script(&member, &edit, &[("csrf", "stale"), ("title", "after")]).await;
    assert_eq!((stale.status, &stale.json()["error"]["code"]), (StatusCode::FORBIDDEN, &"forbidden".into()));
    let stranger = by_script(&site.browser(), &edit, &[("csrf", "stale"), ("title", "after")]).await;
    assert_eq!((stranger.status, stranger.location()), (StatusCode::UNAUTHORIZED, ""), "led nowhere");
    assert_eq!(stranger.json()["error"]["code"], "unauthorized");
    let csrf = member.get(&edit).await.csrf();
    let faulty = by_script(&member, &edit, &[("csrf", &csrf), ("title", "after"), ("extended", "{")]).await;
    assert_eq!(
        (faulty.status, faulty.field("title")),
        (StatusCode::UNPROCESSABLE_ENTITY, "after".to_owned())
    );
    site.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_form_takes_the_focus_without_scripts() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let id = member.add_torrent("a").await;
    let twice = member.upload_page(single("a", true, None), &[("title", "mine")]).await;
    assert!(focused(&twice).contains("This torrent is here already"), "{}", twice.body);
    assert_eq!(twice.field("title"), "mine");
    let faulty = member.upload_page(single("b", true, None), &[("extended", "{")]).await;
    assert!(focused(&faulty).contains("id=\"extended\""), "{}", faulty.body);
    let picture = member.upload_page(b"\x89PNG".to_vec(), &[]).await;
    assert!(
        focused(&picture).contains("id=\"torrent\"") && picture.body.contains("This is not a .torrent file")
    );
    let edit = format!("/torrents/{id}/edit");
    let faulty = member.post_from(&edit, &edit, &[("title", ""), ("extended", "{")]).await;
    assert!(focused(&faulty).contains("id=\"title\""), "{}", faulty.body);
    let wrong = [("username", "wren"), ("password", "not this one")];
    let refused = site.browser().post_from("/sign-in", "/sign-in", &wrong).await;
    assert!(focused(&refused).contains("role=\"alert\""), "{}", refused.body);
    assert!(!member.get("/upload").await.body.contains("autofocus"), "nothing is wrong yet");
    site.stop().await;
}

#[tokio::test]
async fn the_longest_description_passes_the_form_that_edits() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let edit = format!("/torrents/{}/edit", member.add_torrent("a").await);
    let longest = "\u{1f426}".repeat(100_000);
    let done = member.post_from(&edit, &edit, &[("title", "a"), ("description", &longest)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{:.300}", done.body);
    site.stop().await;
}

#[tokio::test]
async fn roles_that_are_refused_stay_as_they_were_chosen() {
    let site = TestSite::start().await;
    let root = site.member("root", &["administrator"]).await;
    let page = format!("/members/{}", root.get("/api/session").await.json()["user"]["id"]);
    let refused = root.post_from(&page, &format!("{page}/roles"), &[("role", "inviter")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(focused(&refused).contains("last administrator"), "{}", refused.body);
    let checked = |role: &str| {
        let input = refused.body.split("<input").find(|it| it.contains(&format!("id=\"role-{role}\"")));
        input.and_then(|it| it.split('>').next()).is_some_and(|it| it.contains("checked"))
    };
    assert_eq!((checked("inviter"), checked("administrator")), (true, false), "{}", refused.body);
    site.stop().await;
}
