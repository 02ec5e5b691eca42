//! Errors: pages for people, JSON for tools, and a database that is away.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::making::single;
use crate::support::{Answer, Browser, TestSite};

#[tokio::test]
async fn what_is_not_there_is_a_page_or_json() {
    let site = TestSite::start().await;
    let page = site.browser().get("/nothing").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let member = site.member("alice", &[]).await;
    let page = member.get("/nothing").await;
    assert!(page.body.contains("Sign out"), "a member stays one on an error's page");
    let api = site.browser().get("/api/nothing").await;
    assert_eq!(api.header("content-type"), "application/json");
    assert_eq!(api.json(), json!({ "error": { "code": "not_found", "message": "there is no such page" } }));
    site.stop().await;
}

#[tokio::test]
async fn unreadable_bodies_are_answered_with_a_sentence() {
    let site = TestSite::start().await;
    let browser = site.browser();
    let send = |kind: &str, body: &str| {
        let request = browser.request(Method::POST, "/api/session").header("content-type", kind);
        Answer::of(request.body(body.to_owned()))
    };
    for body in ["", "{", "[]", r#"{"username": 1, "password": "x"}"#, r#"{"username": "x"}"#] {
        let answer = send("application/json", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(
            answer.json()["error"]["message"].as_str().expect("text").starts_with("the JSON cannot be read")
        );
    }
    let answer = send("application/json", &"x".repeat(2 << 20)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["error"]["code"], "too_large");
    let form = browser.post("/sign-in", &[("username", "x")]).await;
    assert_eq!(form.status, StatusCode::FORBIDDEN, "the token is looked at first");
    site.stop().await;
}

#[tokio::test]
async fn a_fault_of_ours_is_a_page_that_tells_nothing() {
    let site = TestSite::start().await;
    let browser = site.member("alice", &[]).await;
    site.execute("alter table api_tokens rename to elsewhere").await;
    let page = browser.get("/account/tokens").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    let api = browser.get("/api/tokens").await;
    assert_eq!(api.json()["error"]["code"], "internal");
    for body in [page.body, api.body] {
        assert!(!body.contains("api_tokens") && !body.contains("relation"), "{body}");
    }
    site.stop().await;
}

thread_local! {
    /// What this thread logged since [`capture_log`].
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThreadLog;

impl std::io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Has each thread keep its own log: a test's site runs on the test's thread.
fn capture_log() {
    static START: Once = Once::new();
    START.call_once(|| tracing_subscriber::fmt().with_writer(|| ThreadLog).init());
}

#[tokio::test]
async fn the_log_names_a_refused_statement_without_what_it_was_to_store() {
    capture_log();
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    let id = wren.add_torrent("alder").await;
    site.execute("alter table torrents add constraint no_birch check (title <> 'birch')").await;
    let change = json!({ "title": "birch", "description": "a confidence" });
    let answer = wren.api(Method::PATCH, &format!("/api/torrents/{id}"), Some(change)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    site.execute(
        "create or replace function whole_query(value text) returns tsquery language sql stable as $$
            select value::tsquery $$",
    )
    .await;
    assert_eq!(wren.get("/?search=alder)(confidence").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let log = LOG.with_borrow(|log| String::from_utf8_lossy(log).into_owned());
    assert!(log.contains("no_birch") && log.contains("a request failed"), "{log}");
    assert!(!log.contains("confidence") && !log.contains("Failing row"), "{log}");
    site.stop().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let site = TestSite::start_with(|config| config["webapi"]["requestTimeoutSeconds"] = 1.into()).await;
    let address = site.url.strip_prefix("http://").expect("an address");
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let head = "POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    client.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 4096];
    let read = client.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"code\":\"unavailable\""), "{answer}");
    site.stop().await;
}

pub(crate) const OPEN: u8 = 0;
/// Connections end, and new ones end at once.
pub(crate) const CUT: u8 = 1;
/// Connections stay, and nothing comes back.
pub(crate) const STUCK: u8 = 2;

/// Stands between the site and its database.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) async fn start(host: String, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let state = Arc::new(AtomicU8::new(OPEN));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (host, state) = (host.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    if host.starts_with('/') {
                        let server = UnixStream::connect(format!("{host}/.s.PGSQL.{port}")).await;
                        pass(client, server.expect("the database"), &state).await;
                    } else {
                        let server = TcpStream::connect((host, port)).await;
                        pass(client, server.expect("the database"), &state).await;
                    }
                });
            }
        });
        Self { port: own, state }
    }

    pub(crate) fn set(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }
}

async fn pass(mut client: TcpStream, mut server: impl AsyncRead + AsyncWrite + Unpin, state: &AtomicU8) {
    let left = async |wanted: u8| {
        while state.load(Ordering::SeqCst) == wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    loop {
        match state.load(Ordering::SeqCst) {
            OPEN => tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => return,
                () = left(OPEN) => {}
            },
            STUCK => left(STUCK).await,
            _ => return,
        }
    }
}

#[tokio::test]
async fn while_the_database_is_away_pages_say_so_and_come_back_by_themselves() {
    let server = infra::testing::server().expect("a server");
    let proxy = Proxy::start(server.host.clone(), server.port).await;
    let site = TestSite::start_with(|config| {
        config["webapi"]["postgresql"]["host"] = "127.0.0.1".into();
        config["webapi"]["postgresql"]["port"] = proxy.port.into();
        // For a request that was past its first look-up when the answers stopped.
        config["webapi"]["requestTimeoutSeconds"] = 2.into();
        config["webapi"]["backendTimeoutSeconds"] = 2.into();
    })
    .await;
    let browser = site.member("alice", &[]).await;
    for state in [CUT, STUCK] {
        proxy.set(state);
        for path in ["/account", "/api/session"] {
            let answer = until(&browser, path, StatusCode::SERVICE_UNAVAILABLE).await;
            assert_eq!(answer.header("retry-after"), "2");
            if path.starts_with("/api") {
                assert_eq!(answer.json()["error"]["code"], "unavailable");
            } else {
                assert!(answer.body.contains("is not available at the moment"), "{}", answer.body);
                assert!(answer.body.contains("masthead"), "a page of the site");
            }
        }
        proxy.set(OPEN);
        until(&browser, "/account", StatusCode::OK).await;
    }
    site.stop().await;
}

/// Asks until the answer has `status`.
async fn until(browser: &Browser, path: &str, status: StatusCode) -> Answer {
    let answered = async {
        loop {
            let answer = browser.get(path).await;
            if answer.status == status {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(5), answered).await.expect("that status in time")
}

#[tokio::test]
async fn a_database_that_hangs_in_the_middle_of_a_request_is_waited_for_by_writes_alone() {
    // The limit of requests is longer than this takes.
    let site = TestSite::start_with(|config| config["webapi"]["backendTimeoutSeconds"] = 2.into()).await;
    let browser = site.member("alice", &[]).await;
    let owner = site.database.client().await.expect("a connection");
    owner.batch_execute("begin; lock table torrents").await.expect("a lock");
    let upload = browser.upload(single("late", true, None), &[]);
    let reads = async {
        for path in ["/", "/api/torrents", "/torrents/1"] {
            let answer = until(&browser, path, StatusCode::SERVICE_UNAVAILABLE).await;
            assert_eq!(answer.header("retry-after"), "2");
            if path.starts_with("/api") {
                assert_eq!(answer.json()["error"]["code"], "unavailable");
            } else {
                assert!(answer.body.contains("is not available at the moment"), "{}", answer.body);
            }
        }
        owner.batch_execute("rollback").await.expect("the lock goes");
        until(&browser, "/", StatusCode::OK).await;
    };
    let (uploaded, ()) = tokio::join!(upload, reads);
    assert_eq!(uploaded.status, StatusCode::CREATED, "{}", uploaded.body);
    assert_eq!(site.value::<i64>("select count(*) from torrents").await, 1);
    site.stop().await;
}

#[tokio::test]
async fn an_answer_stands_though_its_session_cannot_be_written_down() {
    let site = TestSite::start_with(|config| config["webapi"]["backendTimeoutSeconds"] = 5.into()).await;
    let browser = site.member("alice", &[]).await;
    site.execute("update sessions set last_seen_at = now() - interval '1 hour'").await;
    let owner = site.database.client().await.expect("a connection");
    owner.batch_execute("begin; lock table sessions in share mode").await.expect("a lock");
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    owner.batch_execute("rollback").await.expect("the lock goes");
    let renewed = "select last_seen_at > now() - interval '5 minutes' from sessions";
    // The next visit is written down, or one after it.
    while !site.value::<bool>(renewed).await {
        until(&browser, "/account", StatusCode::OK).await;
    }
    site.stop().await;
}
