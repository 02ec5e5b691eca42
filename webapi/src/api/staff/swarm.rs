//! `/api/swarm`: the connected peers, read from the tracker's memory, for staff.

use axum::extract::State;
use bt::PeerState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::api::shapes::{ErrorBody, List, MemberFailure};
use crate::app::App;
use crate::auth::SwarmViewer;
use crate::auth::needs::ALL;
use crate::db;
use crate::domain::member::permission::Permission;
use crate::domain::staff::swarm::{self, SwarmPeer};
use crate::error::Error;
use crate::extract::{Json, Paging, Query};
use crate::id::{TorrentId, UserId};
use crate::routes::Routes;
use crate::tracker;

/// The operation `GET /api/swarm`.
pub fn routes() -> Routes {
    Routes::new().operation(ALL.and(Permission::SwarmView), routes!(show))
}

/// Which peers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// Only peers of this torrent.
    torrent: Option<TorrentId>,
}

/// A connected peer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SwarmItem {
    /// The member whose client announces.
    pub member: SwarmMember,
    /// The torrent announced; null if it was deleted a moment ago.
    pub torrent: Option<SwarmTorrent>,
    /// `ADDRESS:PORT` where the client listens: at most one for IPv4 and one for IPv6.
    pub addresses: Vec<String>,
    /// The client's name and version, as its peer id claims (BEP 20).
    pub client: String,
    /// `seeder`, `leecher` or `partial_seed`.
    pub state: &'static str,
    /// Bytes sent in this session.
    pub uploaded: u64,
    /// Bytes received in this session.
    pub downloaded: u64,
    /// Bytes that it still lacks.
    pub left: u64,
    /// The share of the torrent that it has, 0 to 100; null for a torrent that was deleted or has no bytes.
    pub percent: Option<u8>,
    /// Seconds since its last announce.
    pub idle_seconds: u32,
    /// Whether the tracker could connect to it; null if that was not tried lately.
    pub reachable: Option<bool>,
}

/// The member whose client announces.
#[derive(Debug, Serialize, ToSchema)]
pub struct SwarmMember {
    /// The member's id.
    pub id: UserId,
    /// The member's name; null if the account was deleted.
    pub name: Option<String>,
}

/// The torrent of a peer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SwarmTorrent {
    /// The torrent's id.
    pub id: TorrentId,
    /// Its title.
    pub title: String,
}

/// List connected peers
///
/// For moderators and administrators. Peers are read from the tracker's memory and stored nowhere. If there are more
/// than 1000, the list has any 1000 of them; `torrent` restricts it to one torrent.
#[utoipa::path(
    get,
    path = "/api/swarm",
    operation_id = "list_peers",
    tag = "swarm",
    params(Parameters, Paging),
    responses(
        (status = 200, description = "The peers", body = List<SwarmItem>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 403, description = "Not a moderator", body = ErrorBody),
        (status = 404, description = "There is no such torrent", body = ErrorBody),
        MemberFailure,
    )
)]
async fn show(
    State(app): State<App>,
    _: SwarmViewer,
    Query(parameters): Query<Parameters>,
    paging: Paging,
) -> Result<Json<List<SwarmItem>>, Error> {
    let after = paging.after()?;
    let torrent = match parameters.torrent {
        Some(id) => {
            let found = db::catalogue::torrent::summary(&app.connection().await?, id).await?;
            Some(found.ok_or(Error::NotFound("torrent"))?)
        }
        None => None,
    };
    let peers = tracker::peers(&app, torrent.map(|it| it.info_hash), swarm::MAX_PEERS).await?;
    let page = swarm::page(&app.connection().await?, peers.records, after, paging.limit()).await?;
    let items = page.peers.into_iter().map(SwarmItem::from).collect();
    Ok(Json(List { items, next: page.next, total: Some(peers.total.into()) }))
}

impl From<SwarmPeer> for SwarmItem {
    fn from(peer: SwarmPeer) -> Self {
        let (id, name) = peer.member;
        Self {
            member: SwarmMember { id, name },
            torrent: peer.torrent.map(|(id, title)| SwarmTorrent { id, title }),
            addresses: peer.addresses,
            client: peer.client,
            state: match peer.state {
                PeerState::Seeder => "seeder",
                PeerState::Leecher => "leecher",
                PeerState::PartialSeed => "partial_seed",
            },
            uploaded: peer.uploaded,
            downloaded: peer.downloaded,
            left: peer.left,
            percent: peer.percent,
            idle_seconds: peer.idle,
            reachable: peer.reachable,
        }
    }
}
