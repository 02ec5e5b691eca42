//! `/api/members/{id}/transfers`, `/api/torrents/{id}/snatches` and `…/history`: what members sent and received, who
//! finished a torrent, and how many peers it had.

use axum::extract::State;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::shapes::{
    ErrorBody, List, MemberFailure, MemberReference, NotFoundFailure, TorrentReference,
};
use crate::app::App;
use crate::auth::needs::{ALL, READ};
use crate::auth::{Reader, SnatchViewer};
use crate::db;
use crate::domain::catalogue::history;
use crate::domain::member::Member;
use crate::domain::member::permission::Permission;
use crate::domain::member::transfer::{self, Ratio};
use crate::error::Error;
use crate::extract::{Id, Json, Paging};
use crate::id::{TorrentId, UserId};
use crate::routes::Routes;

/// The operations that list transfers and snatches and show a torrent's history.
pub fn routes() -> Routes {
    Routes::new()
        .operation(READ, routes!(list_transfers))
        .operation(ALL.and(Permission::TorrentViewSnatches), routes!(list_snatches))
        .operation(READ, routes!(show_history))
}

/// What a member sent and received of a torrent, all clients together.
#[derive(Debug, Serialize, ToSchema)]
pub struct Transfer {
    /// The member.
    pub member: MemberReference,
    /// The torrent.
    pub torrent: TorrentReference,
    /// `seeding`, `leeching` or, where no client is there now, `inactive`.
    pub state: &'static str,
    /// Bytes sent.
    pub uploaded: i64,
    /// Bytes received.
    pub downloaded: i64,
    /// Bytes sent divided by bytes received; null where none were received.
    pub ratio: Option<f64>,
    /// Seconds as a seeder.
    pub seeded_seconds: i64,
    /// Seconds as a leecher.
    pub leeched_seconds: i64,
    /// Bytes still missing at the last announce.
    pub left: i64,
    /// When a client first announced.
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen_at: OffsetDateTime,
    /// When a client last announced.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// When the first download was finished; null where none was.
    #[serde(with = "time::serde::rfc3339::option")]
    pub snatched_at: Option<OffsetDateTime>,
    /// Only to staff: how often a client claimed more bytes than it can have moved. The sums hold only what was
    /// possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impossible_claims: Option<i32>,
}

impl Transfer {
    /// The transfer as `reader` may see it.
    fn to(reader: &Member, transfer: db::member::transfer::Transfer) -> Self {
        Self {
            state: transfer.state().word(),
            ratio: Ratio::new(transfer.uploaded, transfer.downloaded).number(),
            member: MemberReference { id: transfer.member.id, name: transfer.member.name },
            torrent: TorrentReference { id: transfer.torrent.id, title: transfer.torrent.name },
            uploaded: transfer.uploaded,
            downloaded: transfer.downloaded,
            seeded_seconds: transfer.seeded_seconds,
            leeched_seconds: transfer.leeched_seconds,
            left: transfer.left,
            first_seen_at: transfer.first_seen_at,
            last_seen_at: transfer.last_seen_at,
            snatched_at: transfer.snatched_at,
            impossible_claims: reader.may(Permission::MemberViewPrivate).then_some(transfer.clamped_count),
        }
    }
}

/// How many peers a torrent had in an hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryPoint {
    /// The beginning of the hour.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Peers that had everything.
    pub seeders: u32,
    /// All other peers.
    pub leechers: u32,
}

/// List what a member moved
///
/// For the member and staff. Torrents that were announced for the first time most recently come first.
#[utoipa::path(
    get,
    path = "/api/members/{id}/transfers",
    tag = "members",
    params(("id" = UserId, Path), Paging),
    responses(
        (status = 200, description = "One item for each torrent", body = List<Transfer>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn list_transfers(
    State(app): State<App>,
    Reader(member): Reader,
    Id(id): Id<UserId>,
    paging: Paging,
) -> Result<Json<List<Transfer>>, Error> {
    transfer::check(&member, id)?;
    let client = app.connection().await?;
    db::member::user::profile(&client, id).await?.ok_or(Error::NotFound("member"))?;
    let timeout = app.config.tracker.peer_timeout;
    let found = transfer::of_member(&client, timeout, id, paging.cursor(), paging.limit()).await?;
    Ok(Json(list(&member, found)))
}

/// List who finished a torrent
///
/// For moderators and administrators. Who finished most recently comes first.
#[utoipa::path(
    get,
    path = "/api/torrents/{id}/snatches",
    tag = "torrents",
    params(("id" = TorrentId, Path), Paging),
    responses(
        (status = 200, description = "One item for each member", body = List<Transfer>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn list_snatches(
    State(app): State<App>,
    SnatchViewer(member): SnatchViewer,
    Id(id): Id<TorrentId>,
    paging: Paging,
) -> Result<Json<List<Transfer>>, Error> {
    let client = app.connection().await?;
    db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let timeout = app.config.tracker.peer_timeout;
    let found = transfer::snatches(&client, timeout, id, paging.cursor(), paging.limit()).await?;
    Ok(Json(list(&member, found)))
}

/// List a torrent's numbers of peers
///
/// One item for each hour of the last 90 days for which the numbers are known, oldest first.
#[utoipa::path(
    get,
    path = "/api/torrents/{id}/history",
    tag = "torrents",
    params(("id" = TorrentId, Path)),
    responses(
        (status = 200, description = "The numbers of each hour, oldest first", body = List<HistoryPoint>),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show_history(
    State(app): State<App>,
    _: Reader,
    Id(id): Id<TorrentId>,
) -> Result<Json<List<HistoryPoint>>, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let history = history::read(&client, id, torrent.created_at, OffsetDateTime::now_utc()).await?;
    let point = |(at, peers): (OffsetDateTime, history::Peers)| HistoryPoint {
        at,
        seeders: peers.seeders,
        leechers: peers.leechers,
    };
    Ok(Json(List::all(history.known().map(point).collect())))
}

fn list(reader: &Member, page: transfer::Page) -> List<Transfer> {
    let items = page.transfers.into_iter().map(|it| Transfer::to(reader, it)).collect();
    List { items, next: page.next, total: None }
}
