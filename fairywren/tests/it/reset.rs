//! `fairywren reset-password`, for a member who forgot their password.

use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::json;

use crate::launcher::{Launcher, folder, processes_of, program};

fn reset(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(["reset-password", "--data"]).arg(data).args(arguments);
    command.output().expect("it runs")
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text").trim_end().to_owned()
}

async fn answer(method: reqwest::Method, url: &str, body: serde_json::Value) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    client.request(method, url).json(&body).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn reset_password_works_while_the_site_runs_and_while_it_does_not() {
    let folder = folder();
    let mut launcher = Launcher::start(folder.path());
    let invite = launcher.url("first account").replace("/invites/", "/api/invites/");
    let account = json!({ "username": "wren", "password": "a fine long password" });
    assert_eq!(answer(reqwest::Method::POST, &invite, account).await, 201);
    let link = printed(&reset(folder.path(), &["WREN"]));
    let api = link.replace("/reset/", "/api/password-resets/");
    assert!(api.starts_with(launcher.url("site")), "{link}");
    let first = json!({ "password": "new otter lantern" });
    assert_eq!(answer(reqwest::Method::POST, &api, first.clone()).await, 204);
    assert_eq!(answer(reqwest::Method::POST, &api, first).await, 410, "once");
    assert!(launcher.end(Signal::TERM).0.success());

    let link = printed(&reset(folder.path(), &["wren"]));
    assert!(processes_of(folder.path()).is_empty(), "its database is stopped again");
    let refused = reset(folder.path(), &["nobody"]);
    assert_eq!((refused.status.code(), &*refused.stdout), (Some(2), &b""[..]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is no such account"));

    let launcher = Launcher::start(folder.path());
    let secret = link.rsplit('/').next().expect("the secret");
    let api = format!("{}/api/password-resets/{secret}", launcher.url("site"));
    let second = json!({ "password": "quiet harbour lamp" });
    assert_eq!(answer(reqwest::Method::POST, &api, second).await, 204);
    let account = json!({ "username": "wren", "password": "quiet harbour lamp" });
    let session = format!("{}/api/session", launcher.url("site"));
    assert_eq!(answer(reqwest::Method::POST, &session, account).await, 201);
}

#[test]
fn reset_password_makes_no_site_where_there_is_none() {
    let folder = folder();
    let data = folder.path().join("elsewhere");
    let refused = reset(&data, &["wren"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("there is no site in"), "{message}");
    assert!(!data.exists());
}
