//! Lists: each sort in both orders without loss, and what searches find.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use super::making::several;
use super::support::{Browser, TestSite};

/// Ids in the order of a list, page by page.
async fn walk(member: &Browser, query: &str, limit: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let page = member.get(&format!("/api/torrents?{query}&limit={limit}{after}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let page: Value = page.json();
        ids.extend(
            page["items"].as_array().expect("items").iter().map(|it| it["id"].as_i64().expect("an id")),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn each_sort_pages_through_all_torrents_once() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    // Many equal keys, so that pages end in the middle of them.
    site.execute(
        "insert into torrents (info_hash_v1, title, size, file_count, snatched, search)
         select substring(sha256(int4send(n)) from 1 for 20), (array['Éa','b','C d'])[1 + n % 3] || n % 7, n % 5,
                1 + n % 4, n % 3, search_words('common t' || n, '')
         from generate_series(1, 57) as n;
         update torrent_counts set seeders = torrent_id % 4, leechers = torrent_id % 2",
    )
    .await;
    let all: BTreeSet<i64> = walk(&member, "", 100).await.into_iter().collect();
    assert_eq!(all.len(), 57);
    for sort in ["added", "title", "size", "files", "seeders", "leechers", "snatched"] {
        let up = walk(&member, &format!("sort={sort}&order=asc"), 10).await;
        let mut down = walk(&member, &format!("sort={sort}&order=desc"), 7).await;
        down.reverse();
        assert_eq!(up, down, "{sort}");
        assert_eq!(up.len(), 57, "{sort}");
        assert_eq!(up.iter().copied().collect::<BTreeSet<_>>(), all, "{sort}");
        let found = walk(&member, &format!("sort={sort}&order=asc&search=common"), 10).await;
        assert_eq!(found, up, "{sort} of a search");
    }
    let newest = walk(&member, "", 20).await;
    assert!(newest.is_sorted_by(|a, b| a > b));
    site.stop().await;
}

#[tokio::test]
async fn parameters_that_cannot_be_used_are_named() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    for query in ["sort=colour", "order=up", "limit=0", "limit=101", "limit=x", "after=x", "after=WzFd"] {
        let answer = member.get(&format!("/api/torrents?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let name = query.split('=').next().expect("a name");
        assert!(answer.json()["error"]["message"].to_string().contains(name), "{}", answer.body);
    }
    member.add_torrent("a").await;
    member.add_torrent("b").await;
    let next =
        member.get("/api/torrents?limit=1").await.json()["next"].as_str().expect("a cursor").to_owned();
    for query in ["sort=size", "order=asc"] {
        let answer = member.get(&format!("/api/torrents?{query}&after={next}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "a cursor of another list");
    }
    site.stop().await;
}

#[tokio::test]
async fn searches_find_words_beginnings_accents_files_and_near_misses() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    for (title, files) in [
        ("Ubuntu.26.04-Desktop_amd64", &["ubuntu.iso", "SHA256SUMS"][..]),
        ("Ubuntu 26.04 Server", &["server.iso"]),
        ("Le Café d'Été", &["01 - Première piste.flac"]),
    ] {
        let answer = member.upload(several(title, files), &[("title", title)]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    let [desktop, server, cafe] = [1_i64, 2, 3];
    for (search, expected, what) in [
        ("ubuntu", &[server, desktop][..], "the latest first"),
        ("desktop+ubuntu", &[desktop], "any order"),
        ("AMD64+26.04", &[desktop], "any case and signs"),
        ("desk+ubu", &[desktop], "beginnings"),
        ("cafe+ete", &[cafe], "without accents"),
        ("CAF%C3%89", &[cafe], "with accents"),
        ("premiere+flac", &[cafe], "file names"),
        ("sha256sums", &[desktop], "file names"),
        ("dekstop", &[desktop], "letters exchanged"),
        ("nothing+like+this", &[], "words that are nowhere"),
        ("%21%21", &[], "signs alone"),
        ("a+b%27%3A*%26", &[], "signs that mean something to Postgres"),
    ] {
        assert_eq!(walk(&member, &format!("search={search}"), 100).await, expected, "{search}: {what}");
    }
    for (search, first, what) in
        [("ubuntu+desctop", desktop, "another letter"), ("sever", server, "a letter missing")]
    {
        let found = walk(&member, &format!("search={search}"), 100).await;
        assert_eq!(found.first(), Some(&first), "{search}: {what}");
    }
    site.stop().await;
}
