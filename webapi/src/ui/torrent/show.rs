//! A torrent's page, and its download.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::Row;
use super::tree::{self, Step};
use crate::app::App;
use crate::auth::Member;
use crate::db;
use crate::domain::history;
use crate::domain::torrent::upload::Redownload;
use crate::domain::torrent::{delivery, may_change};
use crate::error::Error;
use crate::extract::Query;
use crate::router::parameters::Id;
use crate::ui::plot::Plot;
use crate::ui::transfer::Line;
use crate::ui::{Failure, Frame, page};

/// Files on the page; the API has all.
const FILES: i64 = 2000;

/// Snatches on the page for staff; a page of their own has all.
const SNATCHES: i64 = 5;

/// A torrent.
#[derive(Template)]
#[template(path = "torrent/show.html")]
struct Show {
    frame: Frame,
    row: Row,
    /// HTML.
    description: Arc<str>,
    info_hash: String,
    info_hash_v2: Option<String>,
    /// The canonical hash is the beginning of the other one.
    only_v2: bool,
    extended: Vec<(String, String)>,
    files: Vec<Step>,
    /// How many files the page leaves out.
    more_files: i64,
    may_change: bool,
    plot: Option<Plot>,
    /// The reader's own transfer.
    own: Option<Line>,
    /// For staff: who finished it last.
    snatches: Vec<Line>,
    /// What became of the upload that led here.
    uploaded: Option<Redownload>,
}

/// How an upload led here: see [`after_upload`].
#[derive(Deserialize)]
pub(super) struct Arrival {
    uploaded: Option<String>,
}

/// Says in a page's address what became of an upload. A script that sends the form sees the page before its reader
/// does, so that a message shown once would be lost.
pub(super) fn after_upload(redownload: Redownload) -> &'static str {
    match (redownload.other_hash, redownload.other_tracker) {
        (false, false) => "same",
        (false, true) => "tracker",
        (true, false) => "hash",
        (true, true) => "both",
    }
}

fn uploaded(word: &str) -> Option<Redownload> {
    let all = [(false, false), (false, true), (true, false), (true, true)];
    let all = all.map(|(other_hash, other_tracker)| Redownload { other_hash, other_tracker });
    all.into_iter().find(|it| after_upload(*it) == word)
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    frame: Frame,
    Id(id): Id,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Failure> {
    let client = app.connection().await?;
    let torrent = db::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let files = db::file::list(&client, id, FILES).await?;
    let timeout = app.config.tracker.peer_timeout;
    let own = db::transfer::find(&client, timeout, member.id, id).await?;
    let snatches = if member.is_staff() {
        db::transfer::snatches(&client, timeout, id, None, SNATCHES).await?
    } else {
        Vec::new()
    };
    let history = history::read(&client, id, torrent.created_at, OffsetDateTime::now_utc()).await?;
    drop(client);
    let description = app.descriptions.render(torrent.description.clone()).await?;
    page(Show {
        plot: Plot::new(&history),
        own: own.map(Line::own),
        snatches: snatches.into_iter().map(Line::from).collect(),
        frame: frame.section("torrents"),
        description,
        info_hash: torrent.info_hash.to_string(),
        info_hash_v2: torrent.info_hash_v2.map(|it| it.to_string()),
        only_v2: torrent.info_hash_v1.is_none(),
        extended: torrent.extended.as_ref().map(facts).unwrap_or_default(),
        more_files: i64::from(torrent.file_count) - i64::try_from(files.len()).unwrap_or_default(),
        files: tree::steps(&files),
        may_change: may_change(&member, &torrent),
        uploaded: arrival.uploaded.as_deref().and_then(uploaded),
        row: Row::new(&app, torrent),
    })
}

pub(super) async fn download(
    State(app): State<App>,
    member: Member,
    Id(id): Id,
) -> Result<Response, Failure> {
    Ok(delivery::answer(&app, &member, id).await?)
}

/// An object's keys and values in words; what is no plain value stays JSON.
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
