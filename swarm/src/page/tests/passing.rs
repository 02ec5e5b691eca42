//! Requests that the page passes on to the site, and their answers.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::made_up::picture;
use super::{Page, text};

/// Says what it was asked.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let head = format!("{} {} {:?}", parts.method, parts.uri, parts.headers);
    let headers = [("connection", "x-hop"), ("x-hop", "1"), ("x-end", "2"), ("set-cookie", "a=b")];
    (headers, format!("{head} {} bytes", body.len())).into_response()
}

#[tokio::test]
async fn headers_of_one_connection_stay_there_and_the_visitor_s_address_is_added() {
    let page = Page::before(Router::new().fallback(echo), picture("heron")).await;
    let asked =
        page.post("/torrents?q=a%20b").header("x-forwarded-for", "192.0.2.7").header("cookie", "session=bo");
    let asked =
        asked.header("connection", "x-mine").header("x-mine", "1").header("te", "trailers").body("heron");
    let answer = asked.send().await.expect("an answer");
    assert!(answer.headers().get("x-hop").is_none() && answer.headers().get("connection").is_none());
    assert_eq!(
        (&answer.headers()["x-end"], &answer.headers()["set-cookie"]),
        (&"2".parse().unwrap(), &"a=b".parse().unwrap())
    );
    let echoed = text(answer).await;
    assert!(echoed.starts_with("POST /torrents?q=a%20b ") && echoed.ends_with(" 5 bytes"), "{echoed}");
    let host = page.address.strip_prefix("http://").expect("a scheme");
    for part in
        [&format!("\"host\": \"{host}\""), "\"cookie\": \"session=bo\"", "\"192.0.2.7\"", "\"127.0.0.1\""]
    {
        assert!(echoed.contains(part), "{part} is missing in {echoed}");
    }
    assert!(!echoed.contains("x-mine") && !echoed.contains("trailers"), "{echoed}");
    page.end().await;
}

#[tokio::test]
async fn the_site_s_page_of_who_is_connected_is_its_own() {
    let page = Page::before(Router::new().route("/swarm", any(echo)), picture("heron")).await;
    for path in ["/swarm", "/swarm?torrent=3"] {
        let answer = page.get(path).send().await.expect("an answer");
        assert!(text(answer).await.starts_with(&format!("GET {path} ")), "{path}");
    }
    page.end().await;
}

#[tokio::test]
async fn a_stream_is_passed_on_while_it_comes() {
    let more = Arc::new(Notify::new());
    let held = Arc::clone(&more);
    let site = Router::new().route(
        "/api/live",
        get(async move || {
            let pieces = stream::unfold(0, move |piece| {
                let held = Arc::clone(&held);
                async move {
                    if piece == 1 {
                        held.notified().await;
                    }
                    let bytes = Bytes::from(format!("data: {piece}\n\n"));
                    (piece < 2).then_some((Ok::<_, Infallible>(bytes), piece + 1))
                }
            });
            ([("content-type", "text/event-stream")], Body::from_stream(pieces))
        }),
    );
    let page = Page::before(site, picture("heron")).await;
    let mut answer = page.get("/api/live").send().await.expect("an answer");
    assert_eq!(answer.chunk().await.expect("a chunk").as_deref(), Some(&b"data: 0\n\n"[..]));
    more.notify_one();
    assert_eq!(answer.chunk().await.expect("a chunk").as_deref(), Some(&b"data: 1\n\n"[..]));
    assert_eq!(answer.chunk().await.expect("an end"), None);
    page.end().await;
}

#[tokio::test]
async fn bodies_have_an_end() {
    let page = Page::before(Router::new().fallback(echo), picture("heron")).await;
    let host = page.address.strip_prefix("http://").expect("a scheme");
    let mut line = TcpStream::connect(host).await.expect("connected");
    let head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 16777217\r\n\r\n";
    line.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    line.read_exact(&mut answer).await.expect("an answer before the body");
    assert_eq!(&answer, b"HTTP/1.1 413");
    // What says no length is counted.
    let pieces =
        (0..17).map(|it| Ok::<_, Infallible>(Bytes::from(vec![0; if it < 16 { 1 << 20 } else { 1 }])));
    let body = reqwest::Body::wrap_stream(stream::iter(pieces));
    let answer = page.post("/upload").body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 413);
    drop(line);
    page.end().await;
}

#[tokio::test]
async fn a_site_that_is_away_is_said_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let page = Page::before_address(nobody, picture("heron")).await;
    let answer = page.get("/").send().await.expect("an answer");
    assert_eq!(answer.status(), 502);
    assert!(text(answer).await.contains("The site does not answer."));
    page.end().await;
}
