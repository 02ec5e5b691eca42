//! Pages of the list of torrents: sorted by any column, from any position, of all torrents or those that a search
//! finds.

mod plan;

use deadpool_postgres::GenericClient;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use self::plan::Plan;
use crate::db::catalogue::torrent::{COLUMNS, Summary};
use crate::db::{one, rows};
use crate::id::TorrentId;

/// A column that the list can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// By the time of upload, which is the order of ids.
    Added,
    /// By title, without regard to case.
    Title,
    /// By the bytes of all files.
    Size,
    /// By the number of files.
    Files,
    /// By the stored number of seeders.
    Seeders,
    /// By the stored number of leechers.
    Leechers,
    /// By the number of completed downloads.
    Snatched,
}

impl Sort {
    /// The sorted expression, which has an index, and the id that is the second column of this index.
    fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Added => ("t.id", "t.id"),
            Self::Title => ("lower(t.title)", "t.id"),
            Self::Size => ("t.size", "t.id"),
            Self::Files => ("t.file_count", "t.id"),
            Self::Seeders => ("c.seeders", "c.torrent_id"),
            Self::Leechers => ("c.leechers", "c.torrent_id"),
            Self::Snatched => ("t.snatched", "t.id"),
        }
    }

    fn counts(self) -> &'static str {
        match self {
            Self::Seeders | Self::Leechers => "join torrent_counts c on c.torrent_id = t.id",
            _ => "",
        }
    }
}

/// The position of a torrent in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The value that the list is sorted by, as text.
    pub key: String,
    /// The torrent's id, which orders equal keys.
    pub id: TorrentId,
}

/// A torrent and its position in the list.
#[derive(Debug)]
pub struct Found {
    /// The torrent, without its long texts.
    pub torrent: Summary,
    /// Its position, from which the next page can begin.
    pub position: Position,
}

/// The part of the list that is asked for.
#[derive(Debug, Clone)]
pub struct Window<'a> {
    /// The column that the list is sorted by.
    pub sort: Sort,
    /// Largest or latest first.
    pub descending: bool,
    /// Only torrents after this position, in the order asked for.
    pub from: Option<&'a Position>,
    /// Most torrents.
    pub limit: i64,
    /// Only torrents that this query finds.
    pub query: Option<&'a Query>,
}

/// The words of a search as a query of Postgres; made by [`query`].
#[derive(Debug, Clone)]
pub struct Query {
    /// The text of a `tsquery`.
    pub text: String,
    /// How the words were matched.
    pub reading: Reading,
}

/// How the words of a search are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// As whole words, which Postgres finds several times as fast as beginnings.
    Whole,
    /// As whole words or beginnings of words.
    Beginnings,
    /// As beginnings of words, or as the most similar words of titles.
    Near,
}

/// The query for torrents that have all words of `text`; `None` if it has no word.
pub async fn query(
    client: &impl GenericClient,
    text: &str,
    reading: Reading,
) -> Result<Option<Query>, Error> {
    let sql = match reading {
        Reading::Whole => "select whole_query($1)::text as query",
        Reading::Beginnings => "select beginning_query($1)::text as query",
        Reading::Near => "select near_query($1)::text as query",
    };
    let text: Option<String> = one(client, sql, &[&text]).await?.get("query");
    Ok(text.map(|text| Query { text, reading }))
}

/// The torrents in `window`, in its order.
pub async fn list(client: &impl GenericClient, window: &Window<'_>) -> Result<Vec<Found>, Error> {
    let Some(query) = window.query else { return run(client, window, Plan::Free).await };
    let plans = plan::choose(client, window, query).await?;
    let Some((last, before)) = plans.split_last() else { return Ok(Vec::new()) };
    for plan in before {
        let found = run(client, window, *plan).await?;
        if i64::try_from(found.len()).is_ok_and(|it| it >= window.limit) {
            return Ok(found);
        }
    }
    run(client, window, *last).await
}

async fn run(client: &impl GenericClient, window: &Window<'_>, plan: Plan) -> Result<Vec<Found>, Error> {
    let (sql, parameters) = statement(window, &plan);
    let found = match (window.query, plan) {
        (None, _) | (_, Plan::First(_)) => rows(client, &sql, &parameters).await?,
        // Not prepared: the best plan depends on the words, so Postgres must plan each search anew.
        _ => client.query(sql.as_str(), &parameters).await?,
    };
    Ok(found.iter().map(Found::from_row).collect())
}

type Parameters<'a> = Vec<&'a (dyn ToSql + Sync)>;

fn statement<'a>(window: &'a Window<'_>, plan: &'a Plan) -> (String, Parameters<'a>) {
    let (key, id) = window.sort.key();
    let direction = if window.descending { "desc" } else { "asc" };
    let mut parameters: Parameters<'a> = vec![&window.limit];
    let mut conditions = conditions_from(window, plan, &mut parameters);
    let rows = format!(
        "select {id} as id, {key} as key, t.search as search from torrents t {}",
        window.sort.counts()
    );
    let matches = window.query.map(|query| {
        parameters.push(&query.text);
        format!("search @@ ${}::text::tsquery", parameters.len())
    });
    let hits = match (matches, *plan) {
        (Some(matches), Plan::First(first)) => format!(
            "select id, key from (
                 {rows} {} order by {key} {direction}, {id} {direction} limit {first}
             ) as first where {matches}",
            filter(&conditions)
        ),
        (matches, _) => {
            conditions.extend(matches.map(|it| format!("t.{it}")));
            format!("{rows} {}", filter(&conditions))
        }
    };
    let apart = match plan {
        Plan::Since(_) | Plan::Words => "materialized",
        Plan::Free | Plan::First(_) => "not materialized",
    };
    // `limit` applies before the join with `users`, so that names are looked up for the page's rows only.
    let sql = format!(
        "with hits as {apart} ({hits}),
         page as materialized (select id, key from hits order by key {direction}, id {direction} limit $1)
         select {COLUMNS}, page.key::text as key
         from page join torrents t on t.id = page.id left join users u on u.id = t.uploader_id
         order by page.key {direction}, page.id {direction}"
    );
    (sql, parameters)
}

/// The SQL conditions that select rows after the window's position.
fn conditions_from<'a>(
    window: &'a Window<'_>,
    plan: &'a Plan,
    parameters: &mut Parameters<'a>,
) -> Vec<String> {
    let (key, id) = window.sort.key();
    let mut conditions = Vec::new();
    if let Plan::Since(oldest) = plan {
        parameters.push(oldest);
        conditions.push(format!("t.id > ${}", parameters.len()));
    }
    if let Some(position) = window.from {
        let sign = if window.descending { '<' } else { '>' };
        parameters.push(&position.id);
        let last = parameters.len();
        conditions.push(match window.sort {
            Sort::Added => format!("{id} {sign} ${last}"),
            sort => {
                parameters.push(&position.key);
                let cast = if sort == Sort::Title { "text" } else { "text::bigint" };
                format!("({key}, {id}) {sign} (${}::{cast}, ${last})", last + 1)
            }
        });
    }
    conditions
}

fn filter(conditions: &[String]) -> String {
    match conditions {
        [] => String::new(),
        some => format!("where {}", some.join(" and ")),
    }
}

impl Found {
    fn from_row(row: &Row) -> Self {
        let torrent = Summary::from_row(row);
        let position = Position { key: row.get("key"), id: torrent.id };
        Self { torrent, position }
    }
}

#[cfg(test)]
mod tests;
