//! What members sent and received, in words. Pages for staff: a member's transfers, and who finished a torrent.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;

use crate::app::App;
use crate::auth::needs::ALL;
use crate::auth::{MemberViewer, SnatchViewer};
use crate::db;
use crate::db::member::transfer::{Totals, Transfer};
use crate::domain::member::permission::Permission;
use crate::domain::member::transfer::{self, Ratio, State as Doing};
use crate::error::Error;
use crate::extract::{Id, Paging};
use crate::id::{Named, TorrentId, UserId};
use crate::routes::Routes;
use crate::ui::parts::format::{self, Timestamp};
use crate::ui::{PageLayout, page};

/// The routes of the pages.
pub fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/members/{id}/transfers", ALL.and(Permission::MemberViewPrivate), get(of_member))
        .page(Method::GET, "/torrents/{id}/snatches", ALL.and(Permission::TorrentViewSnatches), get(snatches))
}

/// What a member sent and received in all, in words.
pub struct Sums {
    /// Bytes sent, with a unit: `1.4 GiB`.
    pub uploaded: String,
    /// Bytes received, with a unit.
    pub downloaded: String,
    /// The ratio with two places; `–` or `∞` where it is no number.
    pub ratio: String,
    /// Words for `–` and `∞`, for screen readers.
    pub ratio_spoken: Option<&'static str>,
    /// How long they seeded: `3 d 4 h`.
    pub seeded: String,
}

impl From<Totals> for Sums {
    fn from(totals: Totals) -> Self {
        let ratio = Ratio::new(totals.uploaded, totals.downloaded);
        Self {
            uploaded: format::size(totals.uploaded),
            downloaded: format::size(totals.downloaded),
            ratio: format::ratio(ratio),
            ratio_spoken: spoken(ratio),
            seeded: format::duration(totals.seeded_seconds),
        }
    }
}

/// A transfer in words.
pub struct Line {
    /// The member.
    pub member: Named<UserId>,
    /// The torrent.
    pub torrent: Named<TorrentId>,
    /// `seeding`, `leeching` or `inactive`.
    pub state: &'static str,
    /// CSS class that colours the state.
    pub badge: &'static str,
    /// Percent of the torrent that the member has, while they download it.
    pub percent: Option<i64>,
    /// Bytes sent, with a unit: `1.4 GiB`.
    pub uploaded: String,
    /// Bytes received, with a unit.
    pub downloaded: String,
    /// The ratio with two places; `–` or `∞` where it is no number.
    pub ratio: String,
    /// See [`Sums::ratio_spoken`].
    pub ratio_spoken: Option<&'static str>,
    /// How long they seeded: `3 d 4 h`.
    pub seeded: String,
    /// When the first download was finished.
    pub snatched: Option<Timestamp>,
    /// The last announce.
    pub seen: Timestamp,
    /// For staff: how often a client claimed more bytes than it can have moved, and when it last did.
    pub clamped: Option<(i32, Timestamp)>,
}

impl From<Transfer> for Line {
    fn from(transfer: Transfer) -> Self {
        let ratio = Ratio::new(transfer.uploaded, transfer.downloaded);
        let state = transfer.state();
        let percent = (state == Doing::Leeching && transfer.size > 0).then(|| {
            let have = i128::from(transfer.size.saturating_sub(transfer.left).max(0)) * 100;
            i64::try_from(have / i128::from(transfer.size)).unwrap_or(0)
        });
        Self {
            state: state.word(),
            badge: match state {
                Doing::Seeding => "badge-good",
                Doing::Leeching => "badge-warn",
                Doing::Inactive => "",
            },
            percent,
            uploaded: format::size(transfer.uploaded),
            downloaded: format::size(transfer.downloaded),
            ratio: format::ratio(ratio),
            ratio_spoken: spoken(ratio),
            seeded: format::duration(transfer.seeded_seconds),
            snatched: transfer.snatched_at.map(Timestamp),
            seen: Timestamp(transfer.last_seen_at),
            clamped: transfer.clamped_at.map(|at| (transfer.clamped_count, Timestamp(at))),
            member: transfer.member,
            torrent: transfer.torrent,
        }
    }
}

impl Line {
    /// The transfer as the member themselves may see it.
    pub fn own(transfer: Transfer) -> Self {
        Self { clamped: None, ..Self::from(transfer) }
    }
}

fn spoken(ratio: Ratio) -> Option<&'static str> {
    match ratio {
        Ratio::Nothing => Some("none yet"),
        Ratio::Boundless => Some("nothing downloaded"),
        Ratio::Of(_) => None,
    }
}

#[derive(askama::Template)]
#[template(path = "transfer/list.html")]
struct ListPage {
    layout: PageLayout,
    member: Named<UserId>,
    sums: Sums,
    lines: Vec<Line>,
    newer: Option<String>,
    older: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "transfer/snatches.html")]
struct SnatchesPage {
    layout: PageLayout,
    torrent: Named<TorrentId>,
    lines: Vec<Line>,
    newer: Option<String>,
    older: Option<String>,
}

async fn of_member(
    State(app): State<App>,
    _: MemberViewer,
    layout: PageLayout,
    Id(id): Id<UserId>,
    paging: Paging,
) -> Result<Response, Error> {
    let client = app.connection().await?;
    let profile = db::member::user::profile(&client, id).await?.ok_or(Error::NotFound("member"))?;
    let timeout = app.config.tracker.peer_timeout;
    let found = transfer::of_member(&client, timeout, id, paging.cursor(), paging.limit()).await?;
    let here = format!("/members/{id}/transfers");
    page(ListPage {
        layout: layout.section("members"),
        member: Named { id, name: profile.account.name },
        sums: profile.totals.into(),
        lines: found.transfers.into_iter().map(Line::from).collect(),
        newer: (!paging.is_first()).then(|| here.clone()),
        older: found.next.map(|next| format!("{here}?after={next}")),
    })
}

async fn snatches(
    State(app): State<App>,
    _: SnatchViewer,
    layout: PageLayout,
    Id(id): Id<TorrentId>,
    paging: Paging,
) -> Result<Response, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let timeout = app.config.tracker.peer_timeout;
    let found = transfer::snatches(&client, timeout, id, paging.cursor(), paging.limit()).await?;
    let here = format!("/torrents/{id}/snatches");
    page(SnatchesPage {
        layout: layout.section("torrents"),
        torrent: Named { id, name: torrent.title },
        lines: found.transfers.into_iter().map(Line::from).collect(),
        newer: (!paging.is_first()).then(|| here.clone()),
        older: found.next.map(|next| format!("{here}?after={next}")),
    })
}
