//! The programs themselves: `webapi`, `webapi migrate`, `webapi first-account`, `adduser`.

use std::path::PathBuf;
use std::process::Stdio;

use infra::testing::{SALT, TestDatabase};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::support::{Answer, Browser, PASSWORD, configuration};

const WEBAPI: &str = env!("CARGO_BIN_EXE_webapi");
const ADDUSER: &str = env!("CARGO_BIN_EXE_adduser");

/// A configuration in a file of its own.
struct Setup {
    folder: tempfile::TempDir,
    database: TestDatabase,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Setup {
    async fn new() -> Self {
        let database = TestDatabase::create().await.expect("a database");
        Self::with(database, |_| {})
    }

    fn with(database: TestDatabase, change: impl FnOnce(&mut Value)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = configuration(&database);
        change(&mut config);
        std::fs::write(folder.path().join("conf.json"), config.to_string()).expect("written");
        Self { folder, database }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("conf.json")
    }

    async fn run(&self, program: &str, arguments: &[&str], input: &str) -> Ran {
        let config = self.config();
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|it| if *it == "CONFIG" { config.to_str().expect("text") } else { it })
            .collect();
        run(program, &arguments, input).await
    }

    async fn count(&self, sql: &str) -> i64 {
        let client = self.database.client().await.expect("a connection");
        client.query_one(sql, &[]).await.expect("a row").get(0)
    }
}

async fn run(program: &str, arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("a process");
    // A program that refuses its arguments reads nothing.
    let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn adduser_adds_an_account_that_may_invite_and_administer() {
    let setup = Setup::new().await;
    let ran = setup.run(ADDUSER, &["CONFIG"], "alice\ncorrect horse\n").await;
    assert_eq!((ran.code, &*ran.out), (Some(0), "added alice (administrator, inviter)\n"), "{}", ran.err);
    assert_eq!(setup.count("select count(*) from user_roles").await, 2);
    let ran = setup.run(ADDUSER, &["CONFIG", "--role", "moderator"], "bob\ncorrect horse\n").await;
    assert_eq!((ran.code, &*ran.out), (Some(0), "added bob (moderator)\n"), "{}", ran.err);
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn adduser_refuses_with_a_sentence_and_adds_nothing() {
    let setup = Setup::new().await;
    setup.run(ADDUSER, &["CONFIG"], "alice\ncorrect horse\n").await;
    for (arguments, input, problem) in [
        (vec!["CONFIG"], "ALICE\ncorrect horse\n", "this name is taken"),
        (vec!["CONFIG"], "bob\nshort\n", "at least 8 characters"),
        (vec!["CONFIG"], "bob\npassword1\n", "one of the passwords that are tried first"),
        (vec!["CONFIG"], "barnaby\nBarnaby2026\n", "this is your name"),
        (vec!["CONFIG"], "b ob\ncorrect horse\n", "use 2 to 32 letters"),
        (vec!["CONFIG"], "bob\n", "the password on the second line"),
        (vec!["CONFIG", "--role", "king"], "bob\ncorrect horse\n", "there is no such role"),
        (vec!["nothing.json"], "bob\ncorrect horse\n", "nothing.json"),
        (vec![], "", "CONFIG"),
    ] {
        let ran = setup.run(ADDUSER, &arguments, input).await;
        assert_eq!(ran.code, Some(2), "{input:?}: {}", ran.err);
        assert!(ran.err.contains(problem), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    assert_eq!(setup.count("select count(*) from users").await, 1);
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn first_account_prints_one_link_until_there_is_an_account() {
    let setup = Setup::new().await;
    let first = setup.run(WEBAPI, &["first-account", "CONFIG"], "").await;
    assert_eq!(first.code, Some(0), "{}", first.err);
    let secret = first.out.trim_end().strip_prefix("https://fairywren.example.org/invites/").expect("a link");
    assert_eq!(secret.len(), 40);
    let again = setup.run(WEBAPI, &["first-account", "CONFIG"], "").await;
    assert_eq!(again.out, first.out, "the open one is used again");
    setup.run(ADDUSER, &["CONFIG", "--role", "inviter"], "alice\ncorrect horse\n").await;
    let none = setup.run(WEBAPI, &["first-account", "CONFIG"], "").await;
    assert_eq!((none.code, &*none.out), (Some(0), ""));

    let Served { mut child, browser, .. } = serve(&setup, &[]).await;
    let answer = browser.get(&format!("/api/invites/{secret}")).await;
    assert_eq!(
        answer.json()["state"],
        "revoked",
        "with an account there, the link makes no second administrator"
    );
    let body = json!({ "username": "mallory", "password": PASSWORD });
    let claim = browser.request(Method::POST, &format!("/api/invites/{secret}")).json(&body);
    assert_eq!(Answer::of(claim).await.status, StatusCode::GONE);
    child.kill().await.expect("ended");
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn reset_password_prints_a_link_that_sets_the_password_once() {
    let setup = Setup::new().await;
    setup.run(ADDUSER, &["CONFIG"], "alice\ncorrect horse\n").await;
    let ran = setup.run(WEBAPI, &["reset-password", "CONFIG", "ALICE"], "").await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let path = ran.out.trim_end().strip_prefix("https://fairywren.example.org").expect("a link").to_owned();
    let Served { mut child, browser, .. } = serve(&setup, &[]).await;
    let form = [("new_password", "new otter lantern"), ("new_password_again", "new otter lantern")];
    let done = browser.post_from(&path, &path, &form).await;
    assert_eq!(done.location(), "/sign-in?password_set=", "{}", done.body);
    assert_eq!(browser.get(&path).await.status, StatusCode::GONE);
    let form = [("username", "alice"), ("password", "new otter lantern")];
    assert_eq!(browser.post_from("/sign-in", "/sign-in", &form).await.location(), "/");
    assert!(browser.get("/").await.body.contains("a link made by the operator of this site"));
    child.kill().await.expect("ended");
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn reset_password_sets_a_password_that_it_is_given_and_refuses_with_a_sentence() {
    let setup = Setup::new().await;
    setup.run(ADDUSER, &["CONFIG"], "alice\ncorrect horse\n").await;
    for (arguments, input, problem) in [
        (vec!["reset-password", "CONFIG", "nobody"], "", "there is no such account"),
        (vec!["reset-password", "CONFIG", "\u{130}"], "", "there is no such account"),
        (vec!["reset-password", "CONFIG"], "", "NAME"),
        (vec!["reset-password", "nothing.json", "alice"], "", "nothing.json"),
        (vec!["reset-password", "--password", "CONFIG", "alice"], "password\n", "tried first"),
        (vec!["reset-password", "--password", "CONFIG", "alice"], "", "expected the new password"),
    ] {
        let ran = setup.run(WEBAPI, &arguments, input).await;
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(problem), "{}", ran.err);
    }
    let arguments = ["reset-password", "--password", "CONFIG", "alice"];
    let ran = setup.run(WEBAPI, &arguments, "new otter lantern\n").await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let Served { mut child, browser, .. } = serve(&setup, &[]).await;
    let form = [("username", "alice"), ("password", "new otter lantern")];
    assert_eq!(browser.post_from("/sign-in", "/sign-in", &form).await.location(), "/");
    child.kill().await.expect("ended");
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn the_first_account_administers_and_invites() {
    let setup = Setup::new().await;
    let first = setup.run(WEBAPI, &["first-account", "CONFIG"], "").await;
    let path = first.out.trim_end().strip_prefix("https://fairywren.example.org").expect("a link").to_owned();
    let Served { mut child, browser, .. } = serve(&setup, &[]).await;
    let answer = browser.post_from(&path, &path, &[("username", "root"), ("password", PASSWORD)]).await;
    assert_eq!(answer.location(), "/", "{}", answer.body);
    let session = browser.get("/api/session").await.json();
    assert_eq!(session["user"]["roles"], json!(["administrator", "inviter"]));
    child.kill().await.expect("ended");
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn migrate_says_what_it_applied_and_serving_needs_it() {
    let setup = Setup::with(TestDatabase::create_empty().await.expect("a database"), |_| {});
    let refused = setup.run(WEBAPI, &["CONFIG"], "").await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("webapi migrate CONFIG"), "{}", refused.err);
    let first = setup.run(WEBAPI, &["migrate", "CONFIG"], "").await;
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(first.out.starts_with("applied 0001_initial\n"), "{}", first.out);
    let second = setup.run(WEBAPI, &["migrate", "CONFIG"], "").await;
    assert!(second.out.contains("already"), "{}", second.out);
    let Served { mut child, .. } = serve(&setup, &[]).await;
    child.kill().await.expect("ended");
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn bad_usage_and_bad_configuration_exit_with_2_and_a_sentence() {
    let setup = Setup::with(TestDatabase::create_empty().await.expect("a database"), |config| {
        config["webapi"]["surprise"] = 1.into();
    });
    let ran = setup.run(WEBAPI, &["CONFIG"], "").await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("conf.json") && ran.err.contains("surprise"), "{}", ran.err);
    for arguments in [vec![], vec!["migrate"], vec!["first-account"], vec!["nothing.json"]] {
        assert_eq!(setup.run(WEBAPI, &arguments, "").await.code, Some(2), "{arguments:?}");
    }
    for (program, words) in [(WEBAPI, "first-account"), (ADDUSER, "--role")] {
        let help = run(program, &["--help"], "").await;
        assert_eq!(help.code, Some(0));
        assert!(help.out.contains(words), "{}", help.out);
    }
    setup.database.drop_now().await.expect("dropped");
}

#[tokio::test]
async fn without_a_database_the_site_starts_and_says_so_on_its_pages() {
    let database = TestDatabase::create_empty().await.expect("a database");
    let setup = Setup::with(database, |config| {
        config["webapi"]["postgresql"]["host"] = "127.0.0.1".into();
        config["webapi"]["postgresql"]["port"] = 1.into();
    });
    let Served { mut child, browser, .. } = serve(&setup, &[]).await;
    let body = json!({ "username": "alice", "password": PASSWORD });
    let answer = Answer::of(browser.request(Method::POST, "/api/session").json(&body)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(browser.get("/sign-in").await.status, StatusCode::OK);
    child.kill().await.expect("ended");
    setup.database.drop_now().await.expect("dropped");
}

/// Opens the site with the link of its first account, does what secrets come from, and answers the secrets.
async fn secrets(setup: &Setup, browser: &Browser, path: &str) -> Vec<String> {
    browser.post_from(path, path, &[("username", "root"), ("password", PASSWORD)]).await;
    let session = browser.get("/api/session").await.json();
    let id = &session["user"]["id"];
    let announce =
        browser.get(&format!("/api/members/{id}/announce-key")).await.json()["announce_url"].clone();
    let token = browser.api(Method::POST, "/api/tokens", Some(json!({ "name": "x" }))).await.json();
    let token = token["token"].as_str().expect("a token");
    let key = browser.api(Method::POST, "/api/feed-keys", Some(json!({ "name": "x" }))).await.json();
    let key = key["key"].as_str().expect("a feed key");
    browser.get(&format!("/api/torrents?key={key}")).await;
    let bearer = browser.request(Method::GET, "/api/session").bearer_auth(token);
    assert_eq!(Answer::of(bearer).await.status, StatusCode::OK);
    browser.post_from("/account", "/account/announce-url/reset", &[]).await;
    browser.get("/invites/not-a-secret").await;
    let reset = setup.run(WEBAPI, &["reset-password", "CONFIG", "root"], "").await;
    let reset = reset.out.trim_end().rsplit('/').next().expect("a secret");
    browser.get(&format!("/reset/{reset}")).await;
    let device = browser.cookie("device").expect("signed in");
    let wrong = json!({ "username": "root", "password": "a wrong one" });
    let wrong = browser.request(Method::POST, "/api/session").json(&wrong);
    assert_eq!(Answer::of(wrong).await.status, StatusCode::UNAUTHORIZED);
    let [session_cookie, visit] = ["session", "visit"].map(|it| browser.cookie(it).expect("a cookie"));
    let typed = PASSWORD.replace(' ', "+");
    let fixed = [
        path.rsplit('/').next().expect("a secret"),
        announce.as_str().expect("a URL").rsplit('/').nth(1).expect("a key"),
        &token[3..],
        &key[4..],
        reset,
        session["csrf_token"].as_str().expect("a token"),
        typed.as_str(),
        PASSWORD,
        "a wrong one",
        SALT,
    ];
    fixed.into_iter().map(str::to_owned).chain([device, session_cookie, visit]).collect()
}

#[tokio::test]
async fn a_log_of_everything_holds_no_secret_and_the_stop_is_clean() {
    let setup = Setup::new().await;
    let first = setup.run(WEBAPI, &["first-account", "CONFIG"], "").await;
    let path = first.out.trim_end().strip_prefix("https://fairywren.example.org").expect("a link");
    let Served { mut child, browser, log } = serve(&setup, &[("RUST_LOG", "debug")]).await;
    let secrets = secrets(&setup, &browser, path).await;
    let pid = rustix::process::Pid::from_raw(child.id().expect("alive").cast_signed()).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    let code = child.wait().await.expect("an end").code();
    let log = log.await.expect("the log");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("/invites/{secret}") && log.contains("stopping"), "the log says what happened");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
    setup.database.drop_now().await.expect("dropped");
}

struct Served {
    child: Child,
    browser: Browser,
    /// All it wrote, once it has ended.
    log: JoinHandle<String>,
}

/// Starts the site. Its log is read all the time, so that it never waits for a reader.
async fn serve(setup: &Setup, environment: &[(&str, &str)]) -> Served {
    let mut command = Command::new(WEBAPI);
    command.arg(setup.config()).envs(environment.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("a process");
    let mut stderr = child.stderr.take().expect("stderr");
    let log = tokio::spawn(async move {
        let mut log = String::new();
        stderr.read_to_string(&mut log).await.expect("text");
        log
    });
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let line = lines.next_line().await.expect("a line").unwrap_or_default();
    let Some(address) = line.strip_prefix("listening ") else {
        panic!("not listening: {}", log.await.expect("a log"))
    };
    let browser = Browser::new(&format!("http://{address}"));
    Served { child, browser, log }
}
