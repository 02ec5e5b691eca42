//! `/api/members/{id}/announces` and `…/connections`: what the tracker answered a member's clients, and whether it
//! could connect to them.

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

/// The operations that list announces and connections.
pub fn routes() -> Routes {
    Routes::new().operation(READ, routes!(list_announces)).operation(READ, routes!(list_connections))
}

/// An announce or scrape, and how the tracker answered it. The client's address is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Announce {
    /// Seconds since then.
    pub age_seconds: u32,
    /// The torrent; null where the site does not have it.
    pub torrent: Option<TorrentReference>,
    /// The client's name and version, as its peer id says; null where the tracker refused the announce before it read
    /// that.
    pub client: Option<String>,
    /// The protocol of the request.
    #[schema(schema_with = protocols)]
    pub protocol: &'static str,
    /// The family of the client's address.
    #[schema(schema_with = families)]
    pub family: &'static str,
    /// `started`, `stopped`, `completed` or `paused`; null for a regular announce.
    pub event: Option<&'static str>,
    /// What the tracker decided, as a stable word for programs.
    #[schema(schema_with = outcomes)]
    pub outcome: &'static str,
    /// How many peers the answer held.
    pub peers: u32,
    /// What happened, as a sentence.
    pub message: String,
    /// What to do about it, as a sentence; null where nothing need be done.
    pub fix: Option<&'static str>,
}

fn protocols() -> RefOr<Schema> {
    one_of(["http", "https", "udp"], "The protocol of the request.").into()
}

fn families() -> RefOr<Schema> {
    one_of(["ipv4", "ipv6"], "The family of the client's address.").into()
}

fn outcomes() -> RefOr<Schema> {
    one_of(VERDICTS.iter().map(|it| it.word()), "What the tracker decided, as a stable word for programs.")
        .into()
}

/// List what the tracker answered a member's clients
///
/// For the member and staff: the last 50 that the tracker remembers, newest first. While you page through them, each
/// new announce moves the others on by one.
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

/// A TCP connection that the tracker tried to a member's client, to see whether other peers can reach it. The client's
/// address is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connection {
    /// Seconds since it was tried.
    pub age_seconds: u32,
    /// The client's name and version, as its peer id says.
    pub client: String,
    /// The port that the client says it listens on.
    pub port: u16,
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// Whether the client accepted it.
    pub reachable: bool,
    /// What was seen, as a sentence.
    pub message: String,
    /// What to do about it, as a sentence; null where nothing need be done.
    pub fix: Option<&'static str>,
}

/// List whether a member's clients can be reached
///
/// For the member and staff: the latest connection that the tracker tried to each of up to 4 endpoints, newest first.
/// The list is empty where `tracker.checkConnectability` is off.
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
