//! A torrent's page, and the download of its .torrent file.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::Session;

use super::files::address;
use super::tree::{self, Step};
use super::{Row, notice};
use crate::app::App;
use crate::db;
use crate::domain::catalogue::history;
use crate::domain::catalogue::torrent::upload::Redownload;
use crate::domain::catalogue::torrent::{files, may_change};
use crate::domain::member::Member;
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::extract::Id;
use crate::id::TorrentId;
use crate::torrent_file;
use crate::ui::member::transfer::Line;
use crate::ui::parts::plot::Plot;
use crate::ui::{PageLayout, page};

/// Snatches that the page shows to staff; another page lists all.
const SNATCHES: i64 = 5;

/// A torrent's page.
#[derive(Template)]
#[template(path = "torrent/show.html")]
struct Show {
    layout: PageLayout,
    row: Row,
    /// The description as HTML.
    description: Arc<str>,
    info_hash: String,
    info_hash_v2: Option<String>,
    /// Whether the torrent is of version 2 alone: its canonical hash is then the beginning of the hash of version 2.
    only_v2: bool,
    extended: Vec<(String, String)>,
    files: Vec<Step>,
    shown_files: usize,
    /// Address of the page that lists the files not shown here.
    more_files: Option<String>,
    may_change: bool,
    plot: Option<Plot>,
    /// The visitor's own transfer of the torrent.
    own: Option<Line>,
    /// The latest snatches, for staff.
    snatches: Vec<Line>,
    /// The notice after an upload of this torrent, the first time that the page is shown.
    uploaded: Option<Redownload>,
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    session: Session,
    Id(id): Id<TorrentId>,
) -> Result<Response, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let files = files::page(&client, id, None, None).await?;
    let timeout = app.config.tracker.peer_timeout;
    let own = db::member::transfer::find(&client, timeout, member.id, id).await?;
    let snatches = if member.may(Permission::TorrentViewSnatches) {
        db::member::transfer::snatches(&client, timeout, id, None, SNATCHES).await?
    } else {
        Vec::new()
    };
    let history = history::read(&client, id, torrent.summary.created_at, OffsetDateTime::now_utc()).await?;
    drop(client);
    let description = app.descriptions.render(torrent.description).await?;
    page(Show {
        plot: Plot::new(&history),
        own: own.map(Line::own),
        snatches: snatches.into_iter().map(Line::from).collect(),
        layout: layout.section("torrents"),
        description,
        info_hash: torrent.summary.info_hash.to_string(),
        info_hash_v2: torrent.summary.info_hash_v2.map(|it| it.to_string()),
        only_v2: torrent.summary.info_hash_v1.is_none(),
        extended: torrent.extended.as_ref().map(facts).unwrap_or_default(),
        shown_files: files.files.len(),
        more_files: files.next.map(|next| address(id, next)),
        files: tree::steps(&files.files),
        may_change: may_change(&member, &torrent.summary),
        uploaded: notice::take(&session, id).await?,
        row: Row::new(&app, torrent.summary),
    })
}

pub(super) async fn download(
    State(app): State<App>,
    member: Member,
    Id(id): Id<TorrentId>,
) -> Result<Response, Error> {
    torrent_file::answer(&app, &member, id).await
}

/// The keys and values of extended information as text; lists and objects as JSON.
fn facts(extended: &Value) -> Vec<(String, String)> {
    let words = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    let object = extended.as_object();
    object.into_iter().flatten().map(|(key, value)| (key.clone(), words(value))).collect()
}
