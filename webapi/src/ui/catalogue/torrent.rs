//! The list of torrents (`/`), and the routes of the pages of torrents.

mod change;
mod files;
mod notice;
mod show;
mod tree;
mod upload;

use std::fmt::Write as _;

use askama::Template;
use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::App;
use crate::auth::needs::ALL;
use crate::db;
use crate::domain::catalogue::torrent::listing::{self, Order, SORTS, starts_descending};
use crate::domain::member::Member;
use crate::error::Error;
use crate::extract::{Paging, Query};
use crate::id::{Named, TorrentId, UserId};
use crate::live::Present;
use crate::routes::Routes;
use crate::ui::parts::format::{self, Timestamp};
use crate::ui::{PageLayout, page};

/// The routes of the pages of torrents.
pub fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/", ALL, get(browse))
        .page(Method::GET, "/torrents/{id}", ALL, get(show::show))
        .page(Method::GET, "/torrents/{id}/download", ALL, get(show::download))
        .page(Method::GET, "/torrents/{id}/files", ALL, get(files::show))
        .merge(upload::routes())
        .merge(change::routes())
}

/// The page with the list of torrents.
#[derive(Template)]
#[template(path = "torrent/browse.html")]
struct Browse {
    layout: PageLayout,
    order: Order,
    columns: Vec<Column>,
    rows: Vec<Row>,
    similar: bool,
    /// Address of the list's first page, on later pages.
    newer: Option<String>,
    older: Option<String>,
}

/// The head of a column: a link that sorts the list by it.
struct Column {
    label: &'static str,
    address: String,
    /// `ascending` or `descending` if the list is sorted by this column.
    sorted: Option<&'static str>,
    number: bool,
}

/// A torrent in the list.
pub struct Row {
    /// The torrent's id.
    pub id: TorrentId,
    /// Its title.
    pub title: String,
    /// Size with a unit: `1.4 GiB`.
    pub size: String,
    /// How many files it has.
    pub files: i32,
    /// When it was uploaded.
    pub added: Timestamp,
    /// The uploader; `None` if the account was deleted.
    pub uploader: Option<Named<UserId>>,
    /// Its present counts.
    pub present: Present,
}

impl Row {
    /// The stored torrent with its present counts.
    pub fn new(app: &App, torrent: db::catalogue::torrent::Summary) -> Self {
        Self {
            id: torrent.id,
            present: app.live.present(torrent.info_hash, torrent.snatched),
            size: format::size(torrent.size),
            files: torrent.file_count,
            added: Timestamp(torrent.created_at),
            title: torrent.title,
            uploader: torrent.uploader,
        }
    }
}

async fn browse(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    Query(parameters): Query<listing::Parameters>,
    paging: Paging,
) -> Result<Response, Error> {
    let order = Order::parse(&parameters)?;
    let _permit = app.searches.permit_for(member.id, &order).await?;
    let client = app.connection().await?;
    let found = listing::page(&client, &order, paging.cursor(), paging.limit()).await?;
    drop(client);
    let next = found.next.map(|next| address(&order, order.name, order.descending, Some(&next)));
    let newer = paging.cursor().map(|_| address(&order, order.name, order.descending, None));
    page(Browse {
        layout: layout.section("torrents"),
        columns: columns(&order),
        rows: found.torrents.into_iter().map(|it| Row::new(&app, it)).collect(),
        similar: found.similar,
        newer,
        older: next,
        order,
    })
}

fn columns(order: &Order) -> Vec<Column> {
    let labels = [
        ("title", "Title"),
        ("size", "Size"),
        ("files", "Files"),
        ("added", "Added"),
        ("seeders", "Seeders"),
        ("leechers", "Leechers"),
        ("snatched", "Snatched"),
    ];
    let column = |(name, label): (&'static str, &'static str)| {
        let sorted = order.name == name;
        let first = SORTS.iter().find(|it| it.0 == name).is_none_or(|it| starts_descending(it.1));
        let descending = if sorted { !order.descending } else { first };
        let direction = if order.descending { "descending" } else { "ascending" };
        Column {
            label,
            address: address(order, name, descending, None),
            sorted: sorted.then_some(direction),
            number: !matches!(name, "title" | "added"),
        }
    };
    labels.map(column).into()
}

/// The address of a list below the site's base path, without parameters that have their default values.
fn address(order: &Order, name: &str, descending: bool, after: Option<&str>) -> String {
    let mut address = String::from("/?");
    let mut put = |key: &str, value: &str| {
        let _ = write!(address, "{key}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC));
    };
    if !order.search.is_empty() {
        put("search", &order.search);
    }
    let first = SORTS.iter().find(|it| it.0 == name).is_none_or(|it| starts_descending(it.1));
    if name != "added" || descending != first {
        put("sort", name);
        put("order", if descending { "desc" } else { "asc" });
    }
    if let Some(after) = after {
        put("after", after);
    }
    address.pop();
    address
}
