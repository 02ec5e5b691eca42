//! The pages that list the files of a torrent with more files than its own page shows.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::tree::{self, Step};
use crate::app::App;
use crate::db;
use crate::domain::catalogue::torrent::files;
use crate::domain::member::Member;
use crate::error::Error;
use crate::extract::{Id, Query};
use crate::id::TorrentId;
use crate::ui::{PageLayout, page};

/// A page of a torrent's files.
#[derive(Template)]
#[template(path = "torrent/files.html")]
#[expect(clippy::struct_field_names, reason = "the partial of the tree reads `files`")]
struct Files {
    layout: PageLayout,
    id: TorrentId,
    title: String,
    files: Vec<Step>,
    /// The numbers of the files shown: `2001 to 4000`.
    range: String,
    count: i32,
    newer: Option<String>,
    older: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Parameters {
    after: Option<i32>,
}

/// The address of the page of files of torrent `id` after the position `after`.
pub(super) fn address(id: TorrentId, after: i32) -> String {
    format!("/torrents/{id}/files?after={after}")
}

pub(super) async fn show(
    State(app): State<App>,
    _: Member,
    layout: PageLayout,
    Id(id): Id<TorrentId>,
    Query(Parameters { after }): Query<Parameters>,
) -> Result<Response, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let found = files::page(&client, id, after, None).await?;
    drop(client);
    let first = found.files.first().map_or(0, |it| it.position.saturating_add(1));
    let last = found.files.last().map_or(0, |it| it.position.saturating_add(1));
    page(Files {
        layout: layout.section("torrents"),
        id,
        title: torrent.title,
        files: tree::steps(&found.files),
        range: format!("{first} to {last}"),
        count: torrent.file_count,
        newer: after.map(|_| format!("/torrents/{id}/files")),
        older: found.next.map(|next| address(id, next)),
    })
}
