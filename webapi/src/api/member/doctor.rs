//! What the tracker answered a member's clients, below `/api/members`.

use axum::extract::State;
use bt::announce::Event;
use bt::messages::control::VERDICTS;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::routes;

use crate::api::shapes::{ErrorBody, List, MemberFailure, NotFoundFailure, TorrentReference};
use crate::app::App;
use crate::auth::Reader;
use crate::auth::needs::READ;
use crate::db;
use crate::domain::cursor;
use crate::domain::member::doctor::{self, Finding, Reachability};
use crate::domain::member::transfer;
use crate::error::Error;
use crate::extract::{Id, Json, Paging};
use crate::id::UserId;
use crate::routes::Routes;
use crate::schema::one_of;
use crate::tracker;

/// The operations.
pub fn routes() -> Routes {
    Routes::new().operation(READ, routes!(list_announces)).operation(READ, routes!(list_connections))
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
    path = "/api/members/{id}/announces",
    tag = "members",
    params(("id" = UserId, Path), Paging),
    responses(
        (status = 200, description = "One item for each announce", body = List<Announce>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn list_announces(
    State(app): State<App>,
    Reader(member): Reader,
    Id(id): Id<UserId>,
    paging: Paging,
) -> Result<Json<List<Announce>>, Error> {
    transfer::check(&member, id)?;
    let before: usize = paging.after()?.unwrap_or(0);
    db::member::user::profile(&app.connection().await?, id).await?.ok_or(Error::NotFound("member"))?;
    let decisions = tracker::decisions(&app, id).await?;
    let findings = doctor::findings(&app.connection().await?, decisions).await?;
    let total = i64::try_from(findings.len()).ok();
    let mut items: Vec<Announce> = findings.into_iter().skip(before).map(Announce::from).collect();
    let shown = before.saturating_add(usize::try_from(paging.limit()).unwrap_or_default());
    let next = cursor::cut(&mut items, paging.limit(), |_| shown)?;
    Ok(Json(List { items, next, total }))
}

/// A TCP connection that the tracker tried to a member's client, to see whether others can reach it. It has no address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connection {
    /// Seconds since it was tried.
    pub age_seconds: u32,
    /// Name and version, as the client says.
    pub client: String,
    /// The port that the client says it listens on.
    pub port: u16,
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// Whether the client accepted it.
    pub reachable: bool,
    /// What was seen, for people.
    pub message: String,
    /// What to do about it, for people; null where nothing need be done.
    pub fix: Option<&'static str>,
}

/// List whether a member's clients can be reached
///
/// For themselves and staff: the latest connection that the tracker tried to each of up to 4 endpoints, the newest
/// first, from the tracker's memory. None where `tracker.checkConnectability` is off.
#[utoipa::path(
    get,
    path = "/api/members/{id}/connections",
    tag = "members",
    params(("id" = UserId, Path)),
    responses(
        (status = 200, description = "One item for each endpoint", body = List<Connection>),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn list_connections(
    State(app): State<App>,
    Reader(member): Reader,
    Id(id): Id<UserId>,
) -> Result<Json<List<Connection>>, Error> {
    transfer::check(&member, id)?;
    db::member::user::profile(&app.connection().await?, id).await?.ok_or(Error::NotFound("member"))?;
    let tried = tracker::connections(&app, id).await?.into_iter().map(Reachability::from);
    Ok(Json(List::all(tried.map(Connection::from).collect())))
}

impl From<Reachability> for Connection {
    fn from(tried: Reachability) -> Self {
        let (message, fix) = (tried.sentence(), tried.fix());
        Self {
            age_seconds: tried.age,
            client: tried.client,
            port: tried.port,
            family: api_family(tried.family),
            reachable: tried.reachable,
            message,
            fix,
        }
    }
}

/// The address family in the API's words.
fn api_family(family: &str) -> &'static str {
    if family == "IPv6" { "ipv6" } else { "ipv4" }
}

impl From<Finding> for Announce {
    fn from(finding: Finding) -> Self {
        let (message, fix) = (finding.sentence(), finding.fix());
        Self {
            age_seconds: finding.age,
            torrent: finding.torrent.map(|(id, title)| TorrentReference { id, title }),
            client: finding.client,
            protocol: finding.protocol.word(),
            family: api_family(finding.family),
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
