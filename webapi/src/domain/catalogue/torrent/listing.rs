//! The list of torrents: parses what a request asks for, and finds a page of it.

use deadpool_postgres::GenericClient;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::{RefOr, Schema};

use crate::db::catalogue::listing::{self, Found, Position, Query, Reading, Sort, Window};
use crate::db::catalogue::torrent::Summary;
use crate::domain::cursor;
use crate::error::Error;
use crate::id::TorrentId;
use crate::schema::one_of;

/// Characters of a search that count.
const SEARCH_LEN: usize = 200;

/// If more torrents than this have the words of a search as whole words, those with longer words are not searched for.
const PLENTY: i64 = 10;

/// The columns that the list can be sorted by, with their names in URLs.
pub const SORTS: [(&str, Sort); 7] = [
    ("added", Sort::Added),
    ("title", Sort::Title),
    ("size", Sort::Size),
    ("files", Sort::Files),
    ("seeders", Sort::Seeders),
    ("leechers", Sort::Leechers),
    ("snatched", Sort::Snatched),
];

/// Which torrents to list, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// Words of the title or of a file name, or beginnings of such words, in any order. The first 200 characters count.
    /// If no torrent has all of them, the answer has the torrents with the most similar words in their titles.
    pub search: Option<String>,
    /// The column that the list is sorted by.
    #[param(schema_with = sorts, required = false)]
    pub sort: Option<String>,
    /// By default `asc` for titles and `desc` for everything else.
    #[param(schema_with = orders, required = false)]
    pub order: Option<String>,
}

fn sorts() -> RefOr<Schema> {
    one_of(SORTS.map(|(name, _)| name), "A column.").default(Some("added".into())).into()
}

fn orders() -> RefOr<Schema> {
    one_of(["asc", "desc"], "The smallest or the largest first.").into()
}

/// Parsed [`Parameters`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Words to find; empty for all torrents.
    pub search: String,
    /// The column's name.
    pub name: &'static str,
    /// The column.
    pub sort: Sort,
    /// Largest or latest first.
    pub descending: bool,
}

/// A page of the list.
#[derive(Debug)]
pub struct Page {
    /// The torrents, in the order asked for.
    pub torrents: Vec<Summary>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<String>,
    /// How many torrents the whole list has, if that is known without counting.
    pub total: Option<i64>,
    /// Whether no torrent has the words of the search, and these have similar ones.
    pub similar: bool,
}

impl Order {
    /// Reads the parameters.
    pub fn parse(parameters: &Parameters) -> Result<Self, Error> {
        let wanted = parameters.sort.as_deref().filter(|it| !it.is_empty()).unwrap_or("added");
        let (name, sort) = SORTS.into_iter().find(|(name, _)| *name == wanted).ok_or_else(|| {
            Error::Parameters(format!("sort: expected one of {}", SORTS.map(|it| it.0).join(", ")))
        })?;
        let descending = match parameters.order.as_deref().unwrap_or_default() {
            "" => starts_descending(sort),
            "asc" => false,
            "desc" => true,
            _ => return Err(Error::Parameters("order: expected asc or desc".to_owned())),
        };
        let search = parameters.search.as_deref().unwrap_or_default();
        let search = search.trim().chars().take(SEARCH_LEN).collect();
        Ok(Self { search, name, sort, descending })
    }
}

/// Whether a column is sorted descending by default: all are, except titles.
pub fn starts_descending(sort: Sort) -> bool {
    sort != Sort::Title
}

/// The first `limit` torrents in `order`, after the cursor `after` if there is one.
pub async fn page(
    client: &impl GenericClient,
    order: &Order,
    after: Option<&str>,
    limit: i64,
) -> Result<Page, Error> {
    let from = after.map(|after| decode(after, order)).transpose()?;
    let from_start = from.is_none();
    let (reading, mut found) = match from {
        Some((position, reading)) => {
            let query = query(client, order, reading).await?;
            if query.is_none() && !order.search.is_empty() {
                return Err(Error::Parameters("after: this search has no next page".to_owned()));
            }
            (reading, list(client, order, query.as_ref(), Some(&position), limit + 1).await?)
        }
        None if order.search.is_empty() => {
            (Reading::Whole, list(client, order, None, None, limit + 1).await?)
        }
        None => search(client, order, limit).await?,
    };
    let all = i64::try_from(found.len()).is_ok_and(|it| it <= limit);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = match found.last() {
        Some(last) if !all => Some(encode(&last.position, reading, order)?),
        _ => None,
    };
    // A list that fits on one page is counted already; counting a longer one would cost more than the page.
    let total = if all && from_start { i64::try_from(found.len()).ok() } else { None };
    let similar = reading == Reading::Near && !found.is_empty();
    Ok(Page { torrents: found.into_iter().map(|it| it.torrent).collect(), next, total, similar })
}

/// The database's query for the search; `None` if it has no word.
async fn query(client: &impl GenericClient, order: &Order, reading: Reading) -> Result<Option<Query>, Error> {
    if order.search.is_empty() {
        return Ok(None);
    }
    Ok(listing::query(client, &order.search, reading).await?)
}

/// The first page of a search, by whole words if enough torrents have them, else by beginnings of words, else by
/// similar words.
async fn search(
    client: &impl GenericClient,
    order: &Order,
    limit: i64,
) -> Result<(Reading, Vec<Found>), Error> {
    let Some(whole) = query(client, order, Reading::Whole).await? else {
        return Ok((Reading::Whole, Vec::new()));
    };
    let mut found = list(client, order, Some(&whole), None, limit.max(PLENTY) + 1).await?;
    if i64::try_from(found.len()).is_ok_and(|it| it > PLENTY) {
        found.truncate(usize::try_from(limit + 1).unwrap_or(usize::MAX));
        return Ok((Reading::Whole, found));
    }
    let beginnings = query(client, order, Reading::Beginnings).await?;
    if beginnings.as_ref().is_none_or(|it| it.text != whole.text) {
        found = list(client, order, beginnings.as_ref(), None, limit + 1).await?;
    }
    if !found.is_empty() {
        found.truncate(usize::try_from(limit + 1).unwrap_or(usize::MAX));
        return Ok((Reading::Beginnings, found));
    }
    let near = query(client, order, Reading::Near).await?;
    Ok((Reading::Near, list(client, order, near.as_ref(), None, limit + 1).await?))
}

async fn list(
    client: &impl GenericClient,
    order: &Order,
    query: Option<&Query>,
    from: Option<&Position>,
    limit: i64,
) -> Result<Vec<Found>, Error> {
    let Order { sort, descending, .. } = *order;
    Ok(listing::list(client, &Window { sort, descending, from, limit, query }).await?)
}

fn encode(position: &Position, reading: Reading, order: &Order) -> Result<String, Error> {
    cursor::encode(&(order.name, order.descending, reading, &position.key, position.id))
}

fn decode(after: &str, order: &Order) -> Result<(Position, Reading), Error> {
    let (name, descending, reading, key, id): (String, bool, Reading, String, TorrentId) =
        cursor::decode(after)?;
    let number = order.sort == Sort::Title || key.parse::<i64>().is_ok();
    if name != order.name || descending != order.descending || !number {
        return Err(Error::Parameters(
            "after: pass on what `next` of the page before was, with the same sort and order".to_owned(),
        ));
    }
    Ok((Position { key, id }, reading))
}
