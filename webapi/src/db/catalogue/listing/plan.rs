//! Plans of searches: Postgres estimates badly how many words begin with given letters, so that its own plan may be
//! slow.

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use super::{Query, Reading, Sort, Window};
use crate::db::one;
use crate::id::TorrentId;

/// Rows of the list that are checked one by one. If that fills a page, the words are common.
const WALK: i64 = 3000;

/// Rows that the index of words may return at once without a restriction by id.
const FEW: i64 = 200;

/// Rows that a search in a range of ids should find: enough for a page even if there are fewer than estimated.
const ENOUGH: i64 = 120;

/// The newest torrents in which beginnings of words are searched first, as no estimate exists for them.
const RECENT: i64 = 50_000;

/// How the rows of a search are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// As Postgres plans it.
    Free,
    /// By checking this many rows from the list's start: fills a page if the words are common.
    First(i64),
    /// By the index of words, among torrents with larger ids: fills a page if the words are neither common nor rare.
    Since(TorrentId),
    /// By the index of words, among all torrents: fast if the words are rare.
    Words,
}

/// The plans for `query`, to be run one after the other until one fills the page.
pub(super) async fn choose(
    client: &impl GenericClient,
    window: &Window<'_>,
    query: &Query,
) -> Result<Vec<Plan>, Error> {
    let newest_first = window.sort == Sort::Added && window.descending;
    let expected = match query.reading {
        // The estimate for one beginning is too uncertain. Several beginnings restrict each other, and so the estimate.
        Reading::Beginnings if !query.text.contains('&') => None,
        _ => Some(estimate(client, &query.text).await?),
    };
    let newest = match window.from {
        Some(position) if newest_first => position.id,
        _ => newest(client).await?,
    };
    Ok(plans(i64::from(newest.0), expected, newest_first))
}

/// How many torrents Postgres expects `query` to find: a good estimate for whole words, a bad one for beginnings.
async fn estimate(client: &impl GenericClient, query: &str) -> Result<i64, Error> {
    let sql = "explain (format json) select from torrents where search @@ $1::text::tsquery";
    let row = client.query_one(sql, &[&query]).await?;
    let plan: serde_json::Value = row.get(0);
    Ok(plan[0]["Plan"]["Plan Rows"].as_i64().unwrap_or(0))
}

/// The id of the newest torrent, 0 where there is none.
async fn newest(client: &impl GenericClient) -> Result<TorrentId, Error> {
    Ok(one(client, "select coalesce(max(id), 0) as id from torrents", &[]).await?.get("id"))
}

/// The plans to try one after the other until the page is full. `newest` is the largest id, and `expected` the
/// estimated number of torrents found.
///
/// Each plan is for searches for which those before it would take too long. Left to itself, Postgres walks along the
/// list's order when it expects many hits: over all torrents if two frequent words never occur together.
fn plans(newest: i64, expected: Option<i64>, newest_first: bool) -> Vec<Plan> {
    let mut plans = Vec::new();
    if expected.is_none_or(|it| it > newest / 50) {
        plans.push(Plan::First(WALK));
    }
    if newest_first && expected.is_none_or(|it| it >= FEW) {
        let span = expected.map_or(RECENT, |it| newest * ENOUGH / it.max(1));
        let since = [span, span * 8].map(|span| i32::try_from(newest - span).unwrap_or(0));
        plans.extend(since.into_iter().filter(|it| *it > 0).map(|id| Plan::Since(TorrentId(id))));
    }
    plans.push(Plan::Words);
    plans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::catalogue::listing::Position;
    use crate::db::testing::{add_torrent, add_user, client, connect, run_sql};
    use infra::testing::TestDatabase;

    #[test]
    fn no_search_is_left_to_walk_along_the_order_of_the_list() {
        for newest_first in [true, false] {
            for expected in [None, Some(0), Some(1), Some(20_000), Some(75_000), Some(1_000_000)] {
                let plans = plans(1_000_000, expected, newest_first);
                assert!(!plans.contains(&Plan::Free), "{plans:?}");
                let walked: i64 =
                    plans.iter().map(|it| if let Plan::First(rows) = it { *rows } else { 0 }).sum();
                assert!(walked <= WALK, "{plans:?}");
                assert_eq!(plans.last(), Some(&Plan::Words));
            }
        }
        assert_eq!(plans(1_000_000, Some(75_000), false), [Plan::First(WALK), Plan::Words]);
    }

    #[tokio::test]
    async fn estimate_is_exact_for_a_frequent_word_and_one_for_an_unknown() {
        let database = TestDatabase::create().await.unwrap();
        let client = connect(&database).await;
        let torrents = "
            insert into torrents (info_hash_v1, title, size, file_count, search)
            select decode(lpad(to_hex(n), 40, '0'), 'hex'), 'Common', 1, 1, search_words('Common', '')
            from generate_series(1, 200) n";
        run_sql(&client, torrents).await;
        database.client().await.unwrap().batch_execute("analyze torrents").await.unwrap();
        assert_eq!(estimate(&client, "'common'").await.unwrap(), 200);
        assert_eq!(estimate(&client, "'rare'").await.unwrap(), 1);
    }

    #[tokio::test]
    async fn newest_is_the_last_id_or_zero() {
        let client = client().await;
        assert_eq!(newest(&client).await.unwrap(), TorrentId(0));
        let wren = add_user(&client, "wren", &[]).await;
        add_torrent(&client, 1, "First", wren).await;
        let second = add_torrent(&client, 2, "Second", wren).await;
        assert_eq!(newest(&client).await.unwrap(), second);
    }

    #[tokio::test]
    async fn choose_counts_from_the_position_of_a_list_by_age() {
        let client = client().await;
        let query = Query { text: "'hen':*".to_owned(), reading: Reading::Beginnings };
        let position = Position { key: "100000".to_owned(), id: TorrentId(100_000) };
        let newest_first =
            Window { sort: Sort::Added, descending: true, from: None, limit: 10, query: Some(&query) };
        let behind = Window { from: Some(&position), ..newest_first.clone() };
        let by_title = Window { sort: Sort::Title, ..behind.clone() };
        let everywhere = vec![Plan::First(WALK), Plan::Words];
        let recent = vec![Plan::First(WALK), Plan::Since(TorrentId(50_000)), Plan::Words];
        for (window, expected) in [(newest_first, &everywhere), (behind, &recent), (by_title, &everywhere)] {
            assert_eq!(&choose(&client, &window, &query).await.unwrap(), expected);
        }
    }
}
