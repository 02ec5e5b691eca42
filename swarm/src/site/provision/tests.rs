//! Tests of provisioning with the real programs, on loopback.

use std::os::unix::fs::PermissionsExt;

use super::super::{RunningSite, tests};
use super::*;

/// The .torrent files of `member`, by name.
fn delivered(options: &Provision, member: &str) -> HashMap<String, Vec<u8>> {
    let entries = fs::read_dir(options.torrents.join(member)).expect("their folder");
    let read = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        assert_eq!(path.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{path:?}");
        (path.display().to_string(), fs::read(&path).expect("a file"))
    });
    read.map(|(path, bytes)| (path.rsplit('/').next().unwrap_or_default().to_owned(), bytes)).collect()
}

#[tokio::test]
async fn each_run_shares_what_is_there_then() {
    let (_kept, site) = tests::options();
    let site = RunningSite::start(site).await.expect("a site");
    let folder = tempfile::tempdir().expect("a folder");
    let options = Provision {
        site: format!("{}/", site.url()),
        account: folder.path().join("demo"),
        sources: folder.path().join("sources"),
        torrents: folder.path().join("torrents"),
        groups: vec![group("seeder:1").expect("a group"), group("leecher:2").expect("a group")],
    };
    let (name, password) = site.administrator();
    fs::write(&options.account, format!("{name}\n{}\n", password.reveal())).expect("the account");
    fs::create_dir_all(options.sources.join("folder/deep")).expect("a folder");
    let problem = provision(&options).await.expect_err("nothing is there").to_string();
    assert!(problem.starts_with("there is nothing to share in "), "{problem}");

    fs::write(options.sources.join("folder/deep/file"), vec![1; 50_000]).expect("a source");
    fs::write(options.sources.join("one"), vec![2; 20_000]).expect("a source");
    provision(&options).await.expect("shared");
    let first = delivered(&options, "seeder-1");
    assert_eq!(first.len(), 2);
    let others = ["leecher-1", "leecher-2"].map(|it| delivered(&options, it));
    assert!(
        others.iter().all(|it| it.keys().all(|name| first.contains_key(name) && it[name] != first[name]))
    );

    fs::remove_file(options.sources.join("one")).expect("removed");
    fs::write(options.sources.join("two"), vec![3; 20_000]).expect("a source");
    provision(&options).await.expect("shared again");
    let second = delivered(&options, "seeder-1");
    let kept: Vec<&String> = second.keys().filter(|name| first.contains_key(*name)).collect();
    assert_eq!((second.len(), kept.len()), (2, 1));
    assert_eq!(second[kept[0]], first[kept[0]]);
    let ids: HashSet<String> =
        site.counts().await.expect("counts").keys().map(|id| format!("{id}.torrent")).collect();
    assert_eq!(ids, second.into_keys().collect());
    site.stop().await;
}

#[tokio::test]
async fn a_member_whose_account_was_not_made_in_time_is_made_later() {
    let (_kept, site) = tests::options();
    let site = RunningSite::start(site).await.expect("a site");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seeder-1");
    fs::write(&file, "seeder-1\na password of some length\n").expect("what a run that was stopped left");
    let (name, password) = site.administrator();
    let rest = Rest::new(site.url().to_owned()).expect("a client");
    let visit = Visit::start(&rest, name, password).await.expect("signed in");
    for _ in 0..2 {
        member(&rest, &visit, &file, "seeder-1").await.expect("a member").leave(&rest).await.expect("left");
    }
    site.stop().await;
}

#[test]
fn groups_have_a_name_and_a_size() {
    assert_eq!(group("seeder:2").map(|it| (it.name, it.size)), Ok(("seeder".to_owned(), 2)));
    for wrong in ["seeder", "seeder:", "seeder:two", "seeder:-1"] {
        assert!(group(wrong).is_err(), "{wrong}");
    }
}
