use super::*;
use crate::db::catalogue::torrent::{NewTorrent, insert};
use crate::db::testing::{add_torrent, add_user, client, new_torrent, run_sql};
use deadpool_postgres::Client;

const SORTS: [Sort; 7] =
    [Sort::Added, Sort::Title, Sort::Size, Sort::Files, Sort::Seeders, Sort::Leechers, Sort::Snatched];

/// The first ten of all torrents.
fn window(sort: Sort, descending: bool) -> Window<'static> {
    Window { sort, descending, from: None, limit: 10, query: None }
}

fn ids(found: &[Found]) -> Vec<TorrentId> {
    found.iter().map(|it| it.torrent.id).collect()
}

/// The words of a query, sorted: their order is no matter.
async fn query_words(client: &Client, text: &str, reading: Reading) -> Vec<String> {
    let query = query(client, text, reading).await.unwrap().unwrap();
    assert_eq!(query.reading, reading);
    let mut words: Vec<String> = query.text.split(" & ").map(str::to_owned).collect();
    words.sort();
    words
}

/// Torrents titled "Red fox", "Red hen" and "Blue hen", in this order.
async fn hens() -> (Client, [TorrentId; 3]) {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let fox = add_torrent(&client, 1, "Red fox", wren).await;
    let red = add_torrent(&client, 2, "Red hen", wren).await;
    let blue = add_torrent(&client, 3, "Blue hen", wren).await;
    (client, [fox, red, blue])
}

#[tokio::test]
async fn query_takes_whole_words_as_they_are_and_each_once() {
    let client = client().await;
    let words = query_words(&client, "Dovér, CASTLE dover", Reading::Whole).await;
    assert_eq!(words, ["'castle'", "'dover'"]);
    assert!(query(&client, " -!? ", Reading::Whole).await.unwrap().is_none());
}

#[tokio::test]
async fn query_takes_words_of_three_bytes_as_beginnings() {
    let client = client().await;
    let words = query_words(&client, "of cas", Reading::Beginnings).await;
    assert_eq!(words, ["'cas':*", "'of'"]);
    assert!(query(&client, "", Reading::Beginnings).await.unwrap().is_none());
}

#[tokio::test]
async fn query_takes_the_nearest_words_that_titles_have() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    add_torrent(&client, 1, "Dover castle", wren).await;
    let words = query_words(&client, "dovre casle cliffs", Reading::Near).await;
    assert_eq!(words, ["'castle'", "'cliffs':*", "'dover'"]);
    assert!(query(&client, "...", Reading::Near).await.unwrap().is_none());
}

#[tokio::test]
async fn list_goes_page_by_page_along_every_column_where_ids_decide_between_equals() {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let mut all = Vec::new();
    for (number, title, size, file_count) in [(1, "Cedar", 30, 1), (2, "ash", 10, 3), (3, "Birch", 10, 2)] {
        let new = NewTorrent { size, file_count, ..new_torrent(number, title, wren) };
        all.push(insert(&client, &new).await.unwrap());
    }
    let [cedar, ash, birch] = all[..] else { panic!("three torrents") };
    run_sql(
        &client,
        &format!(
            "update torrents set snatched = case id when {birch} then 10 else 9 end;
             update torrent_counts set seeders = case torrent_id when {birch} then 0 else 5 end,
                                       leechers = case torrent_id when {cedar} then 0 else 7 end"
        ),
    )
    .await;
    for sort in SORTS {
        let mut expected = match sort {
            Sort::Added | Sort::Leechers | Sort::Snatched => [cedar, ash, birch],
            Sort::Title | Sort::Size => [ash, birch, cedar],
            Sort::Files => [cedar, birch, ash],
            Sort::Seeders => [birch, cedar, ash],
        };
        for descending in [false, true] {
            let whole = list(&client, &window(sort, descending)).await.unwrap();
            assert_eq!(ids(&whole), expected, "{sort:?} {descending}");
            let mut walked = Vec::new();
            let mut from = None;
            loop {
                let page = Window { from: from.as_ref(), limit: 1, ..window(sort, descending) };
                let Some(found) = list(&client, &page).await.unwrap().pop() else { break };
                walked.push(found.torrent.id);
                from = Some(found.position);
            }
            assert_eq!(walked, expected, "{sort:?} {descending}");
            expected.reverse();
        }
    }
}

#[tokio::test]
async fn list_answers_the_torrent_with_its_key_as_position() {
    let client = client().await;
    assert!(list(&client, &window(Sort::Added, true)).await.unwrap().is_empty());
    let wren = add_user(&client, "wren", &[]).await;
    let id = add_torrent(&client, 1, "Dover Castle", wren).await;
    for (sort, key) in [(Sort::Title, "dover castle"), (Sort::Size, "1000"), (Sort::Seeders, "0")] {
        let found = list(&client, &window(sort, true)).await.unwrap().pop().unwrap();
        assert_eq!(found.position, Position { key: key.to_owned(), id });
        assert_eq!(found.torrent.title, "Dover Castle");
        assert_eq!(found.torrent.uploader.unwrap().name, "wren");
    }
}

#[tokio::test]
async fn list_of_a_search_has_only_what_it_finds() {
    let (client, [fox, red, blue]) = hens().await;
    for (text, reading, expected) in [
        ("hen", Reading::Whole, vec![blue, red]),
        ("he", Reading::Whole, vec![]),
        ("re", Reading::Beginnings, vec![]),
        ("blu", Reading::Beginnings, vec![blue]),
        ("hen blu", Reading::Beginnings, vec![blue]),
        ("bleu", Reading::Near, vec![blue]),
        ("red", Reading::Near, vec![red, fox]),
    ] {
        let query = query(&client, text, reading).await.unwrap().unwrap();
        let search = Window { query: Some(&query), ..window(Sort::Added, true) };
        assert_eq!(ids(&list(&client, &search).await.unwrap()), expected, "{text}");
    }
}

#[tokio::test]
async fn list_of_a_search_goes_on_behind_a_position() {
    let (client, [_, red, blue]) = hens().await;
    let query = query(&client, "hen", Reading::Whole).await.unwrap().unwrap();
    for (sort, descending, order) in [
        (Sort::Added, true, [blue, red]),
        (Sort::Added, false, [red, blue]),
        (Sort::Title, false, [blue, red]),
    ] {
        let first = Window { query: Some(&query), limit: 1, ..window(sort, descending) };
        let found = list(&client, &first).await.unwrap().pop().unwrap();
        assert_eq!(found.torrent.id, order[0], "{sort:?}");
        let second = Window { from: Some(&found.position), limit: 10, ..first };
        assert_eq!(ids(&list(&client, &second).await.unwrap()), order[1..], "{sort:?}");
    }
}

#[tokio::test]
async fn plans_differ_in_how_far_they_look() {
    let (client, [fox, red, blue]) = hens().await;
    let query = query(&client, "hen", Reading::Whole).await.unwrap().unwrap();
    let search = Window { query: Some(&query), ..window(Sort::Added, true) };
    for (plan, expected) in [
        (Plan::First(1), vec![blue]),
        (Plan::First(3), vec![blue, red]),
        (Plan::Since(red), vec![blue]),
        (Plan::Since(fox), vec![blue, red]),
        (Plan::Words, vec![blue, red]),
        (Plan::Free, vec![blue, red]),
    ] {
        assert_eq!(ids(&run(&client, &search, plan).await.unwrap()), expected, "{plan:?}");
    }
}
