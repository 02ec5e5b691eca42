//! The page before the real site.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::control::ControlCommand;
use crate::site::{Options, Pace, RunningSite};

async fn start_site(folder: &std::path::Path) -> RunningSite {
    set_permissions(folder, Permissions::from_mode(0o711)).expect("its mode");
    let programs = std::env::var_os("FAIRYWREN_TEST_PROGRAMS")
        .expect("run `make test`, or name the folder of the programs in FAIRYWREN_TEST_PROGRAMS");
    let free = ([127, 0, 0, 1], 0).into();
    let options = Options {
        program: PathBuf::from(programs).join("fairywren"),
        folder: folder.join("site"),
        site: free,
        tracker: vec![free],
        api_url: None,
        tracker_url: None,
        pace: Pace::default(),
    };
    RunningSite::start(options).await.expect("a site")
}

#[tokio::test]
async fn who_signs_in_at_the_site_is_known_to_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Arc::new(start_site(folder.path()).await);
    let address = site.url().strip_prefix("http://").expect("a scheme").parse().expect("an address");
    let mut page = Page::of(address, Arc::<RunningSite>::clone(&site), made_up::picture("heron")).await;
    let look = text(page.get("/static/style.css").send().await.expect("an answer")).await;
    assert!(look.contains("--azure"));
    let (name, password) = site.administrator();
    let person = serde_json::json!({ "username": name, "password": password });
    let sign_in = page.post("/api/session").header("origin", &page.address).json(&person);
    let answer = sign_in.send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    let cookie = answer.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie");
    let html = text(page.get("/demo").header("cookie", cookie).send().await.expect("an answer")).await;
    let (_, csrf) = html.split_once(r#"name="csrf" value=""#).expect("a form");
    let (csrf, _) = csrf.split_once('"').expect("its token");
    let form = [("csrf", csrf), ("command", "add"), ("kind", "aria2")];
    let order = page.post("/demo/order").header("cookie", cookie).form(&form).send();
    let order = tokio::spawn(order);
    let (command, answer) = page.orders.recv().await.expect("an order");
    assert_eq!(command, ControlCommand::Add { kind: crate::client::Kind::Aria2 });
    answer.send(Ok("It comes.".to_owned())).expect("somebody waits");
    assert_eq!(order.await.expect("no panic").expect("an answer").status(), 303);
    let swarm = text(page.get("/swarm").header("cookie", cookie).send().await.expect("an answer")).await;
    assert!(swarm.contains("Nobody is connected"), "the site's own page: {swarm}");
    page.end().await;
    site.stop().await;
}
