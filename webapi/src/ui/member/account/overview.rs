//! `/account`: what the member has sent and received, what their clients do now, and their latest uploads.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;

use crate::app::App;
use crate::auth::needs::ALL;
use crate::db;
use crate::db::member::transfer::Active;
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::TorrentId;
use crate::routes::Routes;
use crate::ui::member::transfer::{Line, Sums};
use crate::ui::parts::format::Timestamp;
use crate::ui::{PageLayout, page};

/// Uploads that the page lists at most.
const UPLOADS: i64 = 20;

/// Active transfers that the page lists at most.
const ACTIVE: i64 = 20;

pub(super) fn routes() -> Routes {
    Routes::new().page(Method::GET, "/account", ALL, get(show))
}

#[derive(askama::Template)]
#[template(path = "account/overview.html")]
struct OverviewPage {
    layout: PageLayout,
    name: String,
    roles: Vec<String>,
    sums: Sums,
    active: Active,
    /// Some of the active transfers.
    lines: Vec<Line>,
    torrents: i64,
    uploads: Vec<Upload>,
}

struct Upload {
    id: TorrentId,
    title: String,
    added: Timestamp,
}

async fn show(State(app): State<App>, member: Member, layout: PageLayout) -> Result<Response, Error> {
    let client = app.connection().await?;
    let profile = db::member::user::profile(&client, member.id).await?.ok_or(Error::Unauthorized)?;
    let timeout = app.config.tracker.peer_timeout;
    let lines = db::member::transfer::active(&client, timeout, member.id, ACTIVE).await?;
    let uploads = db::member::user::uploads(&client, member.id, UPLOADS)
        .await?
        .into_iter()
        .map(|it| Upload { id: it.id, title: it.title, added: Timestamp(it.created_at) });
    page(OverviewPage {
        layout: layout.account("overview"),
        name: profile.account.name,
        roles: profile.account.roles,
        sums: profile.totals.into(),
        active: db::member::transfer::count_active(&client, timeout, member.id).await?,
        lines: lines.into_iter().map(Line::own).collect(),
        torrents: profile.torrents,
        uploads: uploads.collect(),
    })
}
