//! `/swarm`: the connected peers, for staff.

use askama::Template;
use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use bt::PeerState;
use serde::Deserialize;

use crate::app::App;
use crate::auth::SwarmViewer;
use crate::auth::needs::ALL;
use crate::db;
use crate::domain::member::permission::Permission;
use crate::domain::staff::swarm::{self, SwarmPeer};
use crate::error::Error;
use crate::extract::{Paging, Query};
use crate::id::{TorrentId, UserId};
use crate::routes::Routes;
use crate::tracker;
use crate::ui::parts::format;
use crate::ui::{PageLayout, page, page_again};

/// The route of the page.
pub fn routes() -> Routes {
    Routes::new().page(Method::GET, "/swarm", ALL.and(Permission::SwarmView), get(show))
}

/// The query of the page.
#[derive(Deserialize)]
struct Parameters {
    torrent: Option<TorrentId>,
}

/// The page with the connected peers.
#[derive(Template)]
#[template(path = "swarm/show.html")]
struct Show {
    layout: PageLayout,
    /// Whether the tracker did not answer.
    unavailable: bool,
    torrent: Option<(TorrentId, String)>,
    total: u32,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// A peer in the table.
struct Row {
    member: (UserId, Option<String>),
    torrent: Option<(TorrentId, String)>,
    addresses: Vec<String>,
    client: String,
    state: &'static str,
    badge: &'static str,
    reachable: Option<bool>,
    percent: Option<u8>,
    left: String,
    up: String,
    down: String,
    ago: String,
}

async fn show(
    State(app): State<App>,
    _: SwarmViewer,
    layout: PageLayout,
    Query(parameters): Query<Parameters>,
    paging: Paging,
) -> Result<Response, Error> {
    let layout = layout.section("swarm");
    let address = |next: Option<&str>| {
        let torrent = parameters.torrent.map(|id| format!("torrent={id}"));
        let parts: Vec<String> = torrent.into_iter().chain(next.map(|it| format!("after={it}"))).collect();
        if parts.is_empty() { "/swarm".to_owned() } else { format!("/swarm?{}", parts.join("&")) }
    };
    let after = paging.after()?;
    let torrent = match parameters.torrent {
        Some(id) => {
            let found = db::catalogue::torrent::summary(&app.connection().await?, id).await?;
            Some(found.ok_or(Error::NotFound("torrent"))?)
        }
        None => None,
    };
    let info_hash = torrent.as_ref().map(|it| it.info_hash);
    match tracker::peers(&app, info_hash, swarm::MAX_PEERS).await {
        Ok(peers) => {
            let found = swarm::page(&app.connection().await?, peers.records, after, paging.limit()).await?;
            page(Show {
                layout,
                unavailable: false,
                torrent: torrent.map(|it| (it.id, it.title)),
                total: peers.total,
                rows: found.peers.into_iter().map(Row::from).collect(),
                newer: (!paging.is_first()).then(|| address(None)),
                older: found.next.as_deref().map(|next| address(Some(next))),
            })
        }
        Err(error @ Error::Unavailable("tracker")) => {
            let (torrent, total, rows) = (None, 0, Vec::new());
            let show = Show { layout, unavailable: true, torrent, total, rows, newer: None, older: None };
            page_again(show, &error)
        }
        Err(error) => Err(error),
    }
}

impl From<SwarmPeer> for Row {
    fn from(peer: SwarmPeer) -> Self {
        let (state, badge) = match peer.state {
            PeerState::Seeder => ("seeder", "badge-good"),
            PeerState::Leecher => ("leecher", "badge-warn"),
            PeerState::PartialSeed => ("partial seed", "badge-info"),
        };
        Self {
            member: peer.member,
            torrent: peer.torrent,
            addresses: peer.addresses,
            client: peer.client,
            state,
            badge,
            reachable: peer.reachable,
            percent: peer.percent,
            left: format::size_of(peer.left),
            up: format::size_of(peer.uploaded),
            down: format::size_of(peer.downloaded),
            ago: format::ago(peer.idle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leecher_has_the_colour_of_leechers_among_peers_too() {
        let badge = |state| {
            let peer = SwarmPeer {
                member: (UserId(1), None),
                torrent: None,
                addresses: Vec::new(),
                client: String::new(),
                state,
                uploaded: 0,
                downloaded: 0,
                left: 1,
                percent: None,
                idle: 0,
                reachable: None,
            };
            Row::from(peer).badge
        };
        let badges = [PeerState::PartialSeed, PeerState::Seeder, PeerState::Leecher].map(badge);
        assert_eq!(badges, ["badge-info", "badge-good", "badge-warn"]);
    }
}
