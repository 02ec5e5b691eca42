//! What the tracker answered a member's clients, below `/api/users`.

use axum::extract::State;
use bt::announce::Event;
use bt::control::VERDICTS;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::transfer::TorrentReference;
use super::{AnyFailure, ErrorBody, Failure, List, MemberFailure, one_of};
use crate::app::App;
use crate::auth::Reader;
use crate::db;
use crate::domain::doctor::{self, Finding};
use crate::domain::{cursor, transfer};
use crate::error::Error;
use crate::extract::{Json, Paging};
use crate::router::parameters::Id;

/// The operation.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_announces))
}

/// An announce or scrape, and what became of it. It has no address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Announce {
    /// Seconds since then.
    pub age_seconds: u32,
    /// Null where it is not known or was deleted.
    pub torrent: Option<TorrentReference>,
    /// Name and version, as the client says; null where the announce did not come so far.
    pub client: Option<String>,
    /// How it came.
    #[schema(schema_with = protocols)]
    pub protocol: &'static str,
    /// Of the address that it came from.
    #[schema(schema_with = families)]
    pub family: &'static str,
    /// `started`, `stopped`, `completed` or `paused`; null for a regular announce.
    pub event: Option<&'static str>,
    /// Stable word to branch on.
    #[schema(schema_with = outcomes)]
    pub outcome: &'static str,
    /// Peers that were given.
    pub peers: u32,
    /// What happened, for people.
    pub message: String,
    /// What to do about it, for people; null where nothing need be done.
    pub fix: Option<&'static str>,
}

fn protocols() -> RefOr<Schema> {
    one_of(["http", "https", "udp"], "How it came.").into()
}

fn families() -> RefOr<Schema> {
    one_of(["ipv4", "ipv6"], "Of the address that it came from.").into()
}

fn outcomes() -> RefOr<Schema> {
    one_of(VERDICTS.iter().map(|it| it.word()), "Stable word to branch on.").into()
}

/// List what the tracker answered a member's clients
///
/// For themselves and staff: the last 50 announces, the newest first, from the tracker's memory. New ones move the others
/// on.
#[utoipa::path(
    get,
    path = "/api/users/{id}/announces",
    tag = "users",
    params(("id" = i32, Path, description = "Of the member"), Paging),
    responses(
        (status = 200, description = "One item for each announce", body = List<Announce>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 403, description = "It is another member's", body = ErrorBody),
        (status = 404, description = "There is no such member", body = ErrorBody),
        MemberFailure,
        AnyFailure,
    )
)]
async fn list_announces(
    State(app): State<App>,
    Reader(member): Reader,
    Id(id): Id,
    paging: Paging,
) -> Result<Json<List<Announce>>, Failure> {
    transfer::check(&member, id)?;
    let before: usize = paging.after()?.unwrap_or(0);
    db::user::profile(&app.connection().await?, id).await?.ok_or(Error::NotFound("user"))?;
    let findings = doctor::look(&app, id).await?;
    let total = i64::try_from(findings.len()).ok();
    let mut items: Vec<Announce> = findings.into_iter().skip(before).map(Announce::from).collect();
    let shown = before.saturating_add(usize::try_from(paging.limit()).unwrap_or_default());
    let next = cursor::cut(&mut items, paging.limit(), |_| shown)?;
    Ok(Json(List { items, next, total }))
}

impl From<Finding> for Announce {
    fn from(finding: Finding) -> Self {
        let (message, fix) = (finding.sentence(), finding.fix());
        Self {
            age_seconds: finding.age,
            torrent: finding.torrent.map(|(id, title)| TorrentReference { id, title }),
            client: finding.client,
            protocol: finding.protocol.word(),
            family: if finding.family == "IPv6" { "ipv6" } else { "ipv4" },
            event: match finding.event {
                Event::None => None,
                Event::Started => Some("started"),
                Event::Stopped => Some("stopped"),
                Event::Completed => Some("completed"),
                Event::Paused => Some("paused"),
            },
            outcome: finding.verdict.word(),
            peers: finding.peers,
            message,
            fix,
        }
    }
}
