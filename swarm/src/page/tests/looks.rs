//! The demonstration as members and strangers see it: its page, picture and events.

use std::sync::Arc;

use axum::Router;
use reqwest::header::{CONTENT_TYPE, LOCATION};

use super::made_up::picture;
use super::{Page, text};
use crate::page::headers::FIXED;
use crate::picture::Picture;

#[tokio::test]
async fn strangers_are_asked_to_sign_in() {
    let page = Page::before(Router::new(), picture("heron")).await;
    let answer = page.get("/demo").send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[LOCATION]),
        (303, &"/sign-in?next=/demo".parse().unwrap())
    );
    for path in ["/demo/events", "/demo/picture"] {
        let answer = page.get(path).header("cookie", "session=nobody").send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{path}");
        assert!(!text(answer).await.contains("heron"));
    }
    let answer = page.get("/demo").header("cookie", "session=away").send().await.expect("an answer");
    assert_eq!(answer.status(), 502);
    page.end().await;
}

#[tokio::test]
async fn every_answer_has_the_site_s_headers_and_nothing_inline() {
    let page = Page::before(Router::new(), picture("heron")).await;
    for path in ["/demo", "/demo/picture", "/demo/static/demo.css", "/demo/static/none.css", "/elsewhere"] {
        let answer = page.get(path).header("cookie", "session=ada").send().await.expect("an answer");
        for (name, value) in FIXED {
            assert_eq!(answer.headers()[&name], value, "{name} of {path}");
        }
    }
    let html = page.page("ada").await;
    assert!(!html.contains("style=") && !html.contains("<script>") && !html.contains(" onclick"), "{html}");
    page.end().await;
}

#[tokio::test]
async fn the_page_says_everything_without_scripts() {
    let page = Page::before(Router::new(), picture("heron")).await;
    let html = page.page("bo").await;
    for words in [
        "1:05",
        "2 clients of 2 programs share 1 torrent, 4.0 KiB in all.",
        "heron at dusk",
        "25 %",
        "1.5 KiB/s",
        "dead: heron-1",
        "answered 4 s ago",
        "64 KiB/s",
        "About 7 s to go",
        "failed, 25 %: heron",
        "M1 0h1v1h-1z",
        "The first announce",
        "1 peer, heron",
        "differs",
        "heron.txt</strong> is left out: it is empty",
        "heron to 192.0.2.1",
        r#"<noscript><meta http-equiv="refresh" content="2"></noscript>"#,
    ] {
        assert!(html.contains(words), "{words} is missing in {html}");
    }
    let still = page.get("/demo?still").header("cookie", "session=bo").send().await.expect("an answer");
    assert!(!text(still).await.contains("http-equiv"));
    page.end().await;
}

#[tokio::test]
async fn only_staff_see_controls() {
    let page = Page::before(Router::new(), picture("heron")).await;
    assert!(page.page("ada").await.contains("/demo/order"));
    assert!(!page.page("bo").await.contains("/demo/order"));
    page.end().await;
}

#[tokio::test]
async fn names_are_text() {
    let page = Page::before(Router::new(), picture("<script>\"'&")).await;
    let html = page.page("ada").await;
    assert!(!html.contains("<script>") && !html.contains("\"'&"), "{html}");
    assert!(html.contains("&#60;script&#62;"));
    let address = "/demo?client=%3Cscript%3E&told=%3Cscript%3E";
    let answer = page.get(address).header("cookie", "session=ada").send().await.expect("an answer");
    assert!(!text(answer).await.contains("<script>"));
    page.end().await;
}

#[tokio::test]
async fn pictures_come_as_events_until_the_end() {
    let page = Page::before(Router::new(), picture("heron")).await;
    let answer = page.get("/demo/events").header("cookie", "session=bo").send().await;
    let mut answer = answer.expect("an answer");
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream");
    let first = answer.chunk().await.expect("a chunk").expect("an event");
    let first = String::from_utf8_lossy(&first).into_owned();
    assert!(first.starts_with("event: picture\ndata: {\"at\":65000,"), "{first}");
    page.pictures.send(Arc::new(Picture { at: 66_000, ..picture("heron") })).expect("somebody looks");
    let second = answer.chunk().await.expect("a chunk").expect("an event");
    assert!(String::from_utf8_lossy(&second).contains("{\"at\":66000,"));
    page.end().await;
    assert_eq!(answer.chunk().await.ok().flatten(), None);
}
