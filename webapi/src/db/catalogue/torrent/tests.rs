use super::*;
use crate::db::testing::{add_torrent, add_user, client, new_torrent, run_sql, value};
use deadpool_postgres::Client;
use serde_json::json;

/// A torrent of both versions: 1 twenty times, 2 thirty-two times.
async fn add_hybrid(client: &Client, uploader_id: UserId, extended: &serde_json::Value) -> TorrentId {
    let hybrid = NewTorrent {
        info_hash_v2: Some([2; 32].into()),
        description: "*Both* versions.",
        extended: Some(extended),
        size: 5_000_000_000,
        file_count: 3,
        file_names: "cover.jpg",
        info: b"d4:name6:hybride",
        piece_layers: Some(b"de"),
        ..new_torrent(1, "A hybrid", uploader_id)
    };
    insert(client, &hybrid).await.unwrap()
}

/// A torrent of version 2 alone: 3 thirty-two times.
async fn add_version_2(client: &Client, uploader_id: UserId) -> TorrentId {
    let new = NewTorrent {
        info_hash_v1: None,
        info_hash_v2: Some([3; 32].into()),
        ..new_torrent(3, "Version 2", uploader_id)
    };
    insert(client, &new).await.unwrap()
}

#[tokio::test]
async fn insert_stores_a_torrent_with_its_words_and_refuses_each_hash_twice() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add_hybrid(&client, wren, &json!({ "year": 2026 })).await;
    let words: String = value(&client, "select search::text from torrents").await;
    assert_eq!(words, "'a':1A 'cover':3 'hybrid':2A 'jpg':4");
    assert_eq!(value::<TorrentId>(&client, "select torrent_id from metainfo").await, id);
    for (v1, v2) in [(Some([1; 20].into()), None), (Some([4; 20].into()), Some([2; 32].into()))] {
        let again = NewTorrent { info_hash_v1: v1, info_hash_v2: v2, ..new_torrent(1, "Once more", wren) };
        let error = insert(&client, &again).await.unwrap_err();
        assert!(infra::db::violated(&error).unwrap().starts_with("torrents_info_hash"), "{error}");
    }
    assert_eq!(value::<i64>(&client, "select count(*) from torrents").await, 1);
}

#[tokio::test]
async fn find_answers_all_that_a_torrents_page_shows() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let extended = json!({ "year": 2026 });
    let id = add_hybrid(&client, wren, &extended).await;
    let found = find(&client, id).await.unwrap().unwrap();
    assert_eq!(found.description, "*Both* versions.");
    assert_eq!(found.extended, Some(extended));
    assert_eq!((found.summary.id, found.summary.title.as_str()), (id, "A hybrid"));
    let plain = add_torrent(&client, 9, "Plain", wren).await;
    assert_eq!(find(&client, plain).await.unwrap().unwrap().extended, None);
    assert!(find(&client, TorrentId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn summary_outlives_the_uploaders_account() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add_hybrid(&client, wren, &json!({})).await;
    run_sql(&client, "update torrents set snatched = 7, created_at = '2026-11-21 12:00Z'").await;
    let found = summary(&client, id).await.unwrap().unwrap();
    assert_eq!(found.info_hash_v1, Some([1; 20].into()));
    assert_eq!(found.info_hash_v2, Some([2; 32].into()));
    assert_eq!(found.info_hash, [1; 20].into());
    assert_eq!((found.size, found.file_count, found.snatched), (5_000_000_000, 3, 7));
    assert_eq!(found.created_at, time::macros::datetime!(2026-11-21 12:00 UTC));
    assert_eq!(found.uploader, Some(Named { id: wren, name: "wren".to_owned() }));
    run_sql(&client, "delete from users").await;
    let orphan = summary(&client, id).await.unwrap().unwrap();
    assert_eq!((orphan.title.as_str(), orphan.uploader), ("A hybrid", None));
    assert!(summary(&client, TorrentId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn summary_of_version_2_is_named_by_its_truncated_hash() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add_version_2(&client, wren).await;
    let found = summary(&client, id).await.unwrap().unwrap();
    assert_eq!((found.info_hash_v1, found.info_hash), (None, [3; 20].into()));
}

#[tokio::test]
async fn find_by_hash_knows_both_hashes_of_a_torrent() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let hybrid = (add_hybrid(&client, wren, &json!({})).await, "A hybrid".to_owned());
    let v2 = (add_version_2(&client, wren).await, "Version 2".to_owned());
    for (number, expected) in [(1, Some(&hybrid)), (2, Some(&hybrid)), (3, Some(&v2)), (4, None)] {
        let found = find_by_hash(&client, [number; 20].into()).await.unwrap();
        assert_eq!(found.as_ref(), expected, "{number}");
    }
}

#[tokio::test]
async fn metainfo_size_adds_up_info_and_piece_layers() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let hybrid = add_hybrid(&client, wren, &json!({})).await;
    let plain = add_torrent(&client, 9, "Plain", wren).await;
    assert_eq!(metainfo_size(&client, hybrid).await.unwrap(), Some(18));
    assert_eq!(metainfo_size(&client, plain).await.unwrap(), Some(11));
    assert_eq!(metainfo_size(&client, TorrentId(99)).await.unwrap(), None);
}

#[tokio::test]
async fn metainfo_comes_back_as_it_was_stored() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let hybrid = add_hybrid(&client, wren, &json!({})).await;
    let plain = add_torrent(&client, 9, "Plain", wren).await;
    let found = metainfo(&client, hybrid).await.unwrap().unwrap();
    assert_eq!(
        (&found.info[..], found.piece_layers.as_deref()),
        (&b"d4:name6:hybride"[..], Some(&b"de"[..]))
    );
    let found = metainfo(&client, plain).await.unwrap().unwrap();
    assert_eq!((&found.info[..], found.piece_layers), (&b"d4:name1:ae"[..], None));
    assert!(metainfo(&client, TorrentId(99)).await.unwrap().is_none());
}

#[tokio::test]
async fn update_changes_one_torrents_texts_and_its_words() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add_hybrid(&client, wren, &json!({ "year": 2026 })).await;
    let other = add_torrent(&client, 9, "Other", wren).await;
    let edit = Edit { title: "New title", description: "Short.", extended: None, file_names: "b.txt" };
    assert!(update(&client, id, &edit).await.unwrap());
    let found = find(&client, id).await.unwrap().unwrap();
    assert_eq!((found.summary.title.as_str(), found.description.as_str()), ("New title", "Short."));
    assert_eq!(found.extended, None);
    let words = format!("select search::text from torrents where id = {id}");
    assert_eq!(value::<String>(&client, &words).await, "'b':3 'new':1A 'title':2A 'txt':4");
    assert_eq!(summary(&client, other).await.unwrap().unwrap().title, "Other");
    assert!(!update(&client, TorrentId(99), &edit).await.unwrap());
}

#[tokio::test]
async fn delete_takes_all_that_belongs_to_one_torrent() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let id = add_hybrid(&client, wren, &json!({})).await;
    let other = add_torrent(&client, 9, "Other", wren).await;
    let rows = format!(
        "insert into files (torrent_id, position, path, size) values ({id}, 0, 'a', 1);
         insert into transfers (user_id, torrent_id) values ({wren}, {id});
         insert into torrent_history (torrent_id, day, points) values ({id}, '2026-11-21', '')"
    );
    run_sql(&client, &rows).await;
    assert!(delete(&client, id).await.unwrap());
    for table in ["files", "transfers", "torrent_history"] {
        assert_eq!(value::<i64>(&client, &format!("select count(*) from {table}")).await, 0, "{table}");
    }
    for table in ["metainfo", "torrent_counts"] {
        assert_eq!(
            value::<TorrentId>(&client, &format!("select torrent_id from {table}")).await,
            other,
            "{table}"
        );
    }
    assert!(!delete(&client, id).await.unwrap());
}

#[tokio::test]
async fn titles_go_by_canonical_hashes_alone() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let hybrid = add_hybrid(&client, wren, &json!({})).await;
    let v2 = add_version_2(&client, wren).await;
    let hashes = [1, 2, 3, 4].map(|number: u8| InfoHash::from([number; 20]));
    let mut found = titles(&client, &hashes).await.unwrap();
    found.sort_by_key(|it| it.id);
    let found: Vec<_> = found.iter().map(|it| (it.id, it.info_hash, it.title.as_str(), it.size)).collect();
    let expected = [(hybrid, hashes[0], "A hybrid", 5_000_000_000), (v2, hashes[2], "Version 2", 1000)];
    assert_eq!(found, expected);
    assert!(titles(&client, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn titles_by_id_leave_out_what_is_not_here() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let first = add_torrent(&client, 1, "First", wren).await;
    add_torrent(&client, 2, "Second", wren).await;
    let third = add_torrent(&client, 3, "Third", wren).await;
    let mut found = titles_by_id(&client, &[third, TorrentId(99), first]).await.unwrap();
    found.sort();
    assert_eq!(found, [(first, "First".to_owned()), (third, "Third".to_owned())]);
}

#[tokio::test]
async fn watched_keeps_the_order_of_the_ids() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let first = add_torrent(&client, 1, "First", wren).await;
    add_torrent(&client, 2, "Second", wren).await;
    let third = add_torrent(&client, 3, "Third", wren).await;
    run_sql(&client, &format!("update torrents set snatched = 5 where id = {third}")).await;
    let found = watched(&client, &[third, TorrentId(99), first]).await.unwrap();
    let found: Vec<_> = found.iter().map(|it| (it.id, it.info_hash, it.snatched)).collect();
    assert_eq!(found, [(third, InfoHash::from([3; 20]), 5), (first, InfoHash::from([1; 20]), 0)]);
}
