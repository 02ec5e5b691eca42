//! Behaviours that all programs have in common. Each program is tested for each of them.

use std::path::Path;

use clients::{Activity, Added, Addition, Remote, Torrent};

use crate::content::{Content, text};
use crate::program::until;

/// Makes a test of each behaviour below, in the module of a program that has a `Daemon` with `remote` and `running`.
macro_rules! each_behaviour {
    () => {
        $crate::behaviour::each_behaviour! {
            a_file_is_found_with_its_folder_and_label
            the_path_of_a_folder_is_the_folder
            a_torrent_that_is_known_is_no_error
            a_paused_torrent_waits_until_it_is_started
            files_are_deleted_only_when_that_is_asked_for
        }
    };
    ($($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let daemon = Daemon::start().await;
                $crate::behaviour::$behaviour(&daemon.remote, &daemon.running.downloads()).await;
            }
        )+
    };
}
pub(crate) use each_behaviour;

/// A request to add `content`, whose files are in `folder`, and to start it.
pub(crate) fn addition<'a>(content: &'a Content, folder: &'a Path) -> Addition<'a> {
    Addition { metainfo: &content.metainfo, folder: text(folder), label: None, paused: false }
}

/// Waits until the content was checked and found complete.
async fn finished(remote: &dyn Remote, content: &Content) -> Torrent {
    let mut found = None;
    until("the torrent is finished", async || {
        found = remote.find(&content.info_hash).await.expect("an answer");
        found.as_ref().is_some_and(Torrent::is_finished)
    })
    .await;
    found.expect("a torrent")
}

pub(crate) async fn a_file_is_found_with_its_folder_and_label(remote: &dyn Remote, folder: &Path) {
    let folder = &folder.join("new \"folder\"");
    let content = Content::file(folder, "film ä.bin");
    assert_eq!(remote.find(&content.info_hash).await.expect("an answer"), None);
    let addition = Addition { label: Some("fairy \"wren\""), ..addition(&content, folder) };
    assert_eq!(remote.add(&addition).await.expect("added"), Added::New);
    let torrent = finished(remote, &content).await;
    assert_eq!((torrent.size, torrent.done, torrent.left), (40_000, 40_000, 0));
    assert_eq!(torrent.label, "fairy \"wren\"");
    assert_eq!(torrent.folder.trim_end_matches('/'), text(folder));
    assert_eq!(torrent.activity, Activity::Seeding);
    let all = remote.torrents().await.expect("a list");
    assert_eq!(all.iter().map(|torrent| torrent.info_hash).collect::<Vec<_>>(), [content.info_hash]);
}

pub(crate) async fn the_path_of_a_folder_is_the_folder(remote: &dyn Remote, folder: &Path) {
    let content = Content::folder(folder, "films");
    remote.add(&addition(&content, folder)).await.expect("added");
    let torrent = finished(remote, &content).await;
    assert_eq!(torrent.path, text(&content.path));
    assert_eq!(torrent.folder.trim_end_matches('/'), text(folder));
}

pub(crate) async fn a_torrent_that_is_known_is_no_error(remote: &dyn Remote, folder: &Path) {
    let content = Content::file(folder, "film");
    assert_eq!(remote.add(&addition(&content, folder)).await.expect("added"), Added::New);
    finished(remote, &content).await;
    assert_eq!(remote.add(&addition(&content, folder)).await.expect("added"), Added::Known);
    assert_eq!(remote.torrents().await.expect("a list").len(), 1);
}

pub(crate) async fn a_paused_torrent_waits_until_it_is_started(remote: &dyn Remote, folder: &Path) {
    let content = Content::file(folder, "film");
    let addition = Addition { paused: true, ..addition(&content, folder) };
    remote.add(&addition).await.expect("added");
    let activity = async || {
        let torrent = remote.find(&content.info_hash).await.expect("an answer");
        torrent.map(|torrent| torrent.activity)
    };
    until("it is stopped", async || activity().await == Some(Activity::Stopped)).await;
    remote.start(&content.info_hash).await.expect("started");
    until("it seeds", async || activity().await == Some(Activity::Seeding)).await;
    remote.stop(&content.info_hash).await.expect("stopped");
    until("it is stopped", async || activity().await == Some(Activity::Stopped)).await;
}

pub(crate) async fn files_are_deleted_only_when_that_is_asked_for(remote: &dyn Remote, folder: &Path) {
    let content = Content::folder(folder, "films");
    let beside = Content::file(folder, "beside");
    for with_data in [false, true] {
        remote.add(&addition(&content, folder)).await.expect("added");
        finished(remote, &content).await;
        remote.remove(&content.info_hash, with_data).await.expect("removed");
        until("it is gone", async || remote.find(&content.info_hash).await.expect("an answer").is_none())
            .await;
        if !with_data {
            assert!(content.path.join("inner/second").exists());
        }
    }
    until("the files are gone", async || !content.path.exists()).await;
    assert!(beside.path.exists());
    remote.remove(&content.info_hash, true).await.expect("a torrent that is not there is no error");
}
