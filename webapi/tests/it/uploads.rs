//! Uploads: what one member's cost the others, and what is bounded of them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::making::single;
use super::support::{Answer, Browser, TestSite};

/// Longest wait for what comes in seconds.
const WAIT: Duration = Duration::from_mins(5);

/// Begins an upload of `member` and sends no more of it.
async fn begin(site: &TestSite, member: &Browser) -> TcpStream {
    let session: Value = member.get("/api/session").await.json();
    let csrf = session["csrf_token"].as_str().expect("signed in");
    let cookie = member.cookie("session").expect("a cookie");
    let mut stream = TcpStream::connect(site.url.strip_prefix("http://").expect("an address"))
        .await
        .expect("a connection");
    let head = format!(
        "POST /api/torrents HTTP/1.1\r\nhost: x\r\ncookie: session={cookie}\r\nx-csrf-token: {csrf}\r\n\
         content-type: multipart/form-data; boundary=xx\r\ncontent-length: 1000000\r\n\r\n--xx\r\n\
         content-disposition: form-data; name=\"torrent\"; filename=\"a.torrent\"\r\n\r\nd4:info"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

/// Uploads torrents of new names until one is answered with `status`.
async fn upload_until(member: &Browser, name: &str, status: StatusCode) -> Answer {
    let trying = async {
        for number in 0.. {
            let answer = member.upload(single(&format!("{name}{number}"), true, None), &[]).await;
            if answer.status == status {
                return answer;
            }
        }
        unreachable!("there is always a next number")
    };
    timeout(WAIT, trying).await.expect("that status in time")
}

/// What `upload` is answered while another upload of `member` is under way, which is returned too.
///
/// The site ends the other one after some seconds, as nothing more comes of it: then both begin again.
async fn refused_beside(
    site: &TestSite,
    member: &Browser,
    upload: impl AsyncFn(&str) -> Answer,
) -> (TcpStream, Answer) {
    let trying = async {
        for number in 0.. {
            let first = begin(site, member).await;
            let answer = upload(&format!("{number} beside another")).await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                return (first, answer);
            }
        }
        unreachable!("there is always a next number")
    };
    timeout(WAIT, trying).await.expect("a refusal in time")
}

#[tokio::test]
async fn a_member_s_second_upload_at_the_same_time_waits_its_turn_and_keeps_what_was_typed() {
    let site = TestSite::start().await;
    let (wren, robin) = (site.member("wren", &[]).await, site.member("robin", &[]).await);
    let upload = async |name: &str| wren.upload(single(name, true, None), &[]).await;
    let (_first, refused) = refused_beside(&site, &wren, upload).await;
    assert_eq!(refused.json()["error"]["code"], "too_many_requests");
    assert_eq!(refused.header("retry-after"), "5");
    let upload = async |name: &str| {
        wren.upload_page(single(&format!("page {name}"), true, None), &[("title", "what was typed")]).await
    };
    let (first, again) = refused_beside(&site, &wren, upload).await;
    assert_eq!(again.field("title"), "what was typed");
    assert!(
        again.header("retry-after") == "5" && again.body.contains("Another upload of yours"),
        "{}",
        again.body
    );
    assert_eq!(robin.upload(single("robin", true, None), &[]).await.status, StatusCode::CREATED);
    drop(first);
    upload_until(&wren, "later", StatusCode::CREATED).await;
    site.stop().await;
}

#[tokio::test]
async fn uploads_whose_bodies_are_awaited_take_nobody_s_turn_to_be_parsed() {
    let site = TestSite::start().await;
    let mut waiting = Vec::new();
    for number in 0..8 {
        let member = site.member(&format!("slow{number}"), &[]).await;
        let upload =
            async |name: &str| member.upload(single(&format!("{number} {name}"), true, None), &[]).await;
        waiting.push(refused_beside(&site, &member, upload).await.0);
    }
    let other = site.member("wren", &[]).await;
    let answer = timeout(WAIT, other.upload(single("a", true, None), &[])).await.expect("no wait for them");
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    site.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_in_is_ended_with_a_sentence() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let mut stream = begin(&site, &member).await;
    let mut answer = vec![0; 4096];
    let read = timeout(WAIT, stream.read(&mut answer)).await.expect("in time").expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("request_timeout") && answer.contains("16 KiB a second"), "{answer}");
    site.stop().await;
}

#[tokio::test]
async fn the_header_of_a_field_that_never_ends_is_not_kept() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let mut body = b"--xx\r\nx: ".to_vec();
    body.resize(8 << 20, b'x');
    let request = member.api_request(Method::POST, "/api/torrents", None).await;
    let request = request.header("content-type", "multipart/form-data; boundary=xx").body(body);
    // The connection may end before all is sent.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
    upload_until(&member, "after", StatusCode::CREATED).await;
    site.stop().await;
}

#[tokio::test]
async fn fields_of_the_form_are_bounded_unknown_ones_ignored_and_second_ones_refused() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let long = member.upload(single("a", true, None), &[("title", &"x".repeat(600_000))]).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let texts = [("colour", "green"), ("title", "first")];
    let answer = member.upload(single("a", true, None), &texts).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let texts = [("title", "first"), ("title", "second")];
    let answer = member.upload(single("b", true, None), &texts).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("two fields title"), "{}", answer.body);
    site.stop().await;
}

/// A site where members upload and edit twice a day at most.
async fn two_a_day() -> (TestSite, Browser) {
    let site = TestSite::start_with(|config| config["webapi"]["uploadsPerDay"] = 2.into()).await;
    let member = site.member("wren", &[]).await;
    for name in ["a", "b"] {
        member.add_torrent(name).await;
    }
    (site, member)
}

#[tokio::test]
async fn uploads_of_a_day_are_counted_though_they_were_deleted() {
    let (site, member) = two_a_day().await;
    let deleted = member.api(Method::DELETE, "/api/torrents/1", None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    let third = member.upload(single("c", true, None), &[]).await;
    assert_eq!(third.status, StatusCode::TOO_MANY_REQUESTS, "{}", third.body);
    assert!(third.json()["error"]["message"].to_string().contains("2 torrents today"), "{}", third.body);
    assert!(third.header("retry-after").parse::<u32>().is_ok_and(|it| it <= 86_400));
    let page = member.upload_page(single("c", true, None), &[("title", "typed")]).await;
    assert_eq!((page.status, page.field("title")), (StatusCode::TOO_MANY_REQUESTS, "typed".to_owned()));
    site.stop().await;
}

#[tokio::test]
async fn edits_of_a_day_are_counted_and_what_was_typed_is_kept() {
    let (site, member) = two_a_day().await;
    let edit = async |title: &str| {
        member.api(Method::PATCH, "/api/torrents/2", Some(json!({ "title": title }))).await.status
    };
    assert_eq!((edit("c").await, edit("d").await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(edit("e").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(member.get("/api/torrents/2").await.json()["title"], "d");
    let page = "/torrents/2/edit";
    let again = member.post_from(page, page, &[("title", "typed"), ("description", "kept")]).await;
    assert_eq!((again.status, again.field("title")), (StatusCode::TOO_MANY_REQUESTS, "typed".to_owned()));
    for words in ["kept", "edited torrents 2 times today"] {
        assert!(again.body.contains(words), "{words}: {}", again.body);
    }
    site.stop().await;
}

#[tokio::test]
async fn uploads_are_counted_for_each_member_and_each_day() {
    let (site, member) = two_a_day().await;
    site.member("robin", &[]).await.add_torrent("robin's").await;
    site.execute("update member_changes set day = day - 1").await;
    member.add_torrent("the next day").await;
    site.stop().await;
}

#[tokio::test]
async fn a_member_who_sends_too_many_requests_is_told_when_to_come_back() {
    let site = TestSite::start_with(|config| config["webapi"]["requestsPerMinute"] = 20.into()).await;
    let (wren, robin) = (site.member("wren", &[]).await, site.member("robin", &[]).await);
    let trying = async {
        loop {
            let answer = wren.get("/api/torrents").await;
            if answer.status != StatusCode::OK {
                return answer;
            }
        }
    };
    let refused = timeout(WAIT, trying).await.expect("a limit");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["error"]["code"], "too_many_requests");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|it| (1..=3).contains(&it)));
    assert!(refused.json()["error"]["message"].to_string().contains("20 requests"), "{}", refused.body);
    assert_eq!(robin.get("/api/torrents").await.status, StatusCode::OK);
    assert_eq!(wren.get("/static/style.css").await.status, StatusCode::OK, "files are not counted");
    site.stop().await;
}

#[tokio::test]
async fn what_is_no_torrent_is_named() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let sentence = async |file: &[u8]| {
        let answer = member.upload(file.to_vec(), &[]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        answer.json()["error"]["fields"]["torrent"].as_str().expect("a sentence").to_owned()
    };
    let picture = sentence(b"\xff\xd8\xff\xe0\0\x10JFIF\0").await;
    assert!(picture.starts_with("This is a picture, not a .torrent file."), "{picture}");
    assert!(sentence(b"<!DOCTYPE html><html>").await.contains("a web page"));
    assert!(sentence(b"PK\x03\x04").await.contains("a ZIP archive"));
    assert!(sentence(b"hello").await.starts_with("This is not a .torrent file."));
    site.stop().await;
}

#[tokio::test]
async fn lists_carry_neither_description_nor_extended_information() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let texts = [("description", "a long story"), ("extended", r#"{"Year": 2026}"#)];
    member.upload(single("a", true, None), &texts).await;
    let listed = member.get("/api/torrents").await.json()["items"][0].clone();
    assert_eq!(
        (&listed["title"], listed.get("description"), listed.get("extended")),
        (&json!("a"), None, None)
    );
    let shown = member.get("/api/torrents/1").await.json();
    assert_eq!((&shown["description"], &shown["extended"]), (&json!("a long story"), &json!({"Year": 2026})));
    site.stop().await;
}

#[tokio::test]
async fn extended_information_is_bounded_by_what_it_prints_as() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    for (value, problem) in [("1e308", "put it in quotes"), ("1", "1000 values")] {
        let extended = format!("{{\"a\":[{}]}}", vec![value; 10_000].join(","));
        let answer = member.upload(single("a", true, None), &[("extended", &extended)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        let sentence = answer.json()["error"]["fields"]["extended"].to_string();
        assert!(sentence.contains(problem), "{sentence}");
    }
    let id = member.add_torrent("b").await;
    let body = json!({"extended": {"a": vec![0.5; 2000]}});
    let answer = member.api(Method::PATCH, &format!("/api/torrents/{id}"), Some(body)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    // What fits the rules fits the database.
    let longest = format!("{{\"a\":[{}]}}", vec!["1".repeat(40); 990].join(","));
    let answer = member.upload(single("c", true, None), &[("extended", &longest)]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let strings = format!("{{\"a\":[{}]}}", vec![format!("\"{}\"", "\\u0001".repeat(10)); 990].join(","));
    let answer = member.upload(single("d", true, None), &[("extended", &strings)]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    site.stop().await;
}

#[tokio::test]
async fn words_that_no_title_has_any_more_are_forgotten() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("sparrowhawk goldfinch").await;
    let other = member.add_torrent("goldfinch chaffinch").await;
    let renamed = member.api(Method::PATCH, "/api/torrents/1", Some(json!({"title": "bullfinch"}))).await;
    assert_eq!(renamed.status, StatusCode::OK);
    let gone = member.api(Method::DELETE, &format!("/api/torrents/{other}"), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    member.add_torrent("chaffinch again").await;
    let client = site.app.connection().await.expect("a connection");
    assert!(
        webapi::db::catalogue::word::sweep(&client, 2).await.expect("swept") <= 2,
        "no more than so many at once"
    );
    while webapi::db::catalogue::word::sweep(&client, 2).await.expect("swept") > 0 {}
    let known: Vec<String> = site.value("select array_agg(word order by word) from title_words").await;
    assert_eq!(known, ["again", "bullfinch", "chaffinch"]);
    site.stop().await;
}

#[tokio::test]
async fn downloads_that_nobody_reads_are_bounded_and_given_back() {
    let site = TestSite::start().await;
    let (wren, robin) = (site.member("wren", &[]).await, site.member("robin", &[]).await);
    let id = wren.add_torrent("large").await;
    // More than the sockets between them hold.
    site.execute("update metainfo set info = convert_to(repeat('x', 30 << 20), 'UTF8')").await;
    let path = format!("/api/torrents/{id}/metainfo");
    let unread = wren.request(Method::GET, &path).send().await.expect("an answer whose body waits");
    assert_eq!(unread.status(), StatusCode::OK);
    let second = wren.get(&path).await;
    assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS, "the first is not read yet");
    assert_eq!(second.header("retry-after"), "5");
    assert_eq!(robin.request(Method::GET, &path).send().await.expect("an answer").status(), StatusCode::OK);
    drop(unread);
    let trying = async {
        while wren.request(Method::GET, &path).send().await.expect("an answer").status() != StatusCode::OK {}
    };
    timeout(WAIT, trying).await.expect("the bytes of a reader who has gone are given back");
    site.stop().await;
}
