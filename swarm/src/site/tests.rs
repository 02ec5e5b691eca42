//! Tests of a site whose programs are the real ones, on loopback.

mod connectability;

use std::fs::Permissions;
use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use futures_util::future::try_join_all;
use tempfile::TempDir;

use super::*;

/// Longer than the slowest machine takes.
const TEST_TIMEOUT: Duration = Duration::from_mins(5);

pub(super) fn options() -> (TempDir, Options) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("its mode");
    let programs = std::env::var_os("FAIRYWREN_TEST_PROGRAMS")
        .expect("run `make test`, or name the folder of the programs in FAIRYWREN_TEST_PROGRAMS");
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options {
        program: PathBuf::from(programs).join("fairywren"),
        folder: folder.path().join("site"),
        site: free,
        tracker: vec![free],
        api_url: None,
        tracker_url: None,
        pace: Pace::default(),
    };
    (folder, options)
}

fn torrent(name: &str) -> Vec<u8> {
    let pieces = "x".repeat(40);
    format!(
        "d4:infod6:lengthi20000e4:name{}:{name}12:piece lengthi16384e6:pieces40:{pieces}7:privatei1eee",
        name.len()
    )
    .into_bytes()
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < TEST_TIMEOUT, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Announces `torrent` for `member`, from this machine; `rest` holds more parameters.
async fn announce(site: &RunningSite, member: &Member, torrent: &Uploaded, rest: &str) {
    let url = announce_url(site, member, torrent, rest).await;
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    send_announce(url).await;
}

/// The URL of an announce of port 6881 by a client of `member`.
async fn announce_url(site: &RunningSite, member: &Member, torrent: &Uploaded, rest: &str) -> String {
    let file = site.metainfo(member, torrent.id).await.expect("their file");
    let metainfo = Metainfo::parse(&file, &Limits::default()).expect("a torrent");
    let url = String::from_utf8(metainfo.announce.expect("a tracker").to_vec()).expect("a URL");
    let hash: Vec<String> = torrent.info_hash.as_bytes().iter().map(|it| format!("%{it:02x}")).collect();
    let hash = hash.concat();
    format!("{url}?info_hash={hash}&peer_id=-XX0000-{:012}&port=6881&compact=1{rest}", member.id)
}

async fn send_announce(url: String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.get(url).send().await.expect("an answer").bytes().await.expect("an answer");
    assert!(answer.starts_with(b"d8:complete"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn what_is_uploaded_is_counted_and_deleted() {
    let (_folder, options) = options();
    let site = RunningSite::start(options).await.expect("a site");
    let members = ["seeder-1", "leecher-1"];
    let members = try_join_all(members.iter().map(|name| site.member(name))).await.expect("members");
    let [seeder, leecher] = members.as_slice() else { panic!("two members: {members:?}") };
    assert_eq!((seeder.name.as_str(), leecher.name.as_str()), ("seeder-1", "leecher-1"));

    let uploaded = site.upload(torrent("film"), "A film", "Some words.").await.expect("uploaded");
    let again = site.upload(torrent("film"), "A film", "").await.expect_err("it is there").to_string();
    assert!(again.contains("A film"), "{again}");
    announce(&site, seeder, &uploaded, "&uploaded=0&downloaded=0&left=0&event=started").await;
    announce(&site, leecher, &uploaded, "&uploaded=0&downloaded=0&left=20000&event=started").await;
    let counts = async |site: &RunningSite| site.counts().await.expect("counts").get(&uploaded.id).copied();
    until("both are counted", async || {
        counts(&site).await == Some(Counts { peers: Some((1, 1)), snatched: 0 })
    })
    .await;
    announce(&site, seeder, &uploaded, "&uploaded=20000&downloaded=0&left=0").await;
    announce(&site, leecher, &uploaded, "&uploaded=0&downloaded=20000&left=0&event=completed").await;
    until("the download is counted", async || {
        counts(&site).await == Some(Counts { peers: Some((2, 0)), snatched: 1 })
    })
    .await;
    until("the bytes are counted", async || {
        let [seeder, leecher] = [seeder, leecher].map(|it| site.totals(it));
        let (seeder, leecher) = (seeder.await.expect("totals"), leecher.await.expect("totals"));
        (seeder.uploaded, leecher.downloaded) == (20_000, 20_000)
    })
    .await;
    let said = site.announces(leecher).await.expect("announces");
    let events: Vec<_> = said.iter().map(|it| it.event.as_deref()).collect();
    assert_eq!(events, [Some("completed"), Some("started")]);
    assert!(said.iter().all(|it| it.outcome == "answered" && it.family == "ipv4"), "{said:?}");
    let title = said[0].torrent.as_ref().map(|it| (it.id, it.title.as_str()));
    assert_eq!(title, Some((uploaded.id, "A film")));

    site.delete(uploaded.id).await.expect("deleted");
    site.delete(uploaded.id).await.expect("gone already");
    assert_eq!(site.counts().await.expect("counts"), HashMap::new());
    site.stop().await;
    site.ended().await;
    site.counts().await.expect_err("nobody is there any more");
}

#[tokio::test]
async fn staff_may_control_members_may_look_and_others_are_nobody() {
    let (_folder, mut options) = options();
    options.site = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    options.tracker.push(options.site);
    let site = RunningSite::start(options).await.expect("a site");
    site.member("demo").await.expect_err("the name is taken");
    let (name, password) = site.administrator();
    let person = json!({ "username": name, "password": password });
    let request = site.rest.post("/api/session").json(&person);
    let cookies = rest::cookies(&site.rest.send(request).await.expect("signed in"));
    let visitor = site.visitor(&cookies).await.expect("an answer");
    let visitor = visitor.expect("somebody");
    assert_eq!((visitor.name.as_str(), visitor.staff, visitor.csrf.is_none()), ("demo", true, false));
    for nobody in ["", "session=made-up", "session=\n"] {
        assert_eq!(site.visitor(nobody).await.expect("an answer"), None, "{nobody}");
    }
    let staff = |role: &str| {
        let session = json!({ "user": { "id": 1, "name": "x", "roles": [role] }, "csrf_token": null });
        let session: Session = serde_json::from_value(session).expect("a session");
        Visitor::from(session).staff
    };
    assert!(staff("moderator"));
    assert!(!staff("inviter"));
    site.stop().await;
}

#[tokio::test]
async fn a_site_that_cannot_start_says_why() {
    let (_folder, mut options) = options();
    let taken = TcpListener::bind(options.site).expect("a listener");
    options.site = taken.local_addr().expect("its address");
    let error = RunningSite::start(options.clone()).await.expect_err("the address is in use");
    let said = format!("{error:#}");
    assert!(said.contains(&format!("cannot listen on {}", options.site)), "{said}");

    let again = RunningSite::start(options.clone()).await.expect_err("the folder was used");
    assert!(format!("{again:#}").contains("fairywren.conf.json"), "{again:#}");

    options.program = options.folder.join("nothing");
    options.folder = options.folder.with_file_name("another");
    let error = RunningSite::start(options).await.expect_err("there is no such program");
    assert!(error.to_string().contains("is missing"), "{error}");
}
