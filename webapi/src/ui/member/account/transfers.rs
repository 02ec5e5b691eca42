//! `/account/transfers`: what a member's clients sent and received, torrent by torrent.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;

use crate::app::App;
use crate::auth::needs::ALL;
use crate::db;
use crate::domain::member::Member;
use crate::domain::member::transfer;
use crate::error::Error;
use crate::extract::Paging;
use crate::routes::Routes;
use crate::ui::member::transfer::{Line, Sums};
use crate::ui::{PageLayout, page};

pub(super) fn routes() -> Routes {
    Routes::new().page(Method::GET, "/account/transfers", ALL, get(show))
}

#[derive(askama::Template)]
#[template(path = "account/transfers.html")]
struct TransfersPage {
    layout: PageLayout,
    sums: Sums,
    lines: Vec<Line>,
    newer: Option<String>,
    older: Option<String>,
}

async fn show(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    paging: Paging,
) -> Result<Response, Error> {
    let client = app.connection().await?;
    let timeout = app.config.tracker.peer_timeout;
    let found = transfer::of_member(&client, timeout, member.id, paging.cursor(), paging.limit()).await?;
    page(TransfersPage {
        layout: layout.account("transfers"),
        sums: db::member::transfer::totals(&client, member.id).await?.into(),
        lines: found.transfers.into_iter().map(Line::own).collect(),
        newer: (!paging.is_first()).then(|| "/account/transfers".to_owned()),
        older: found.next.map(|next| format!("/account/transfers?after={next}")),
    })
}
