//! The connected peers. The tracker is asked each time, because the webapi keeps no address.

use bt::InfoHash;
use bt::messages::control::{Answer, PeerRecord, Request};

use super::control::ask;
use crate::app::App;
use crate::error::Error;

/// Some of the connected peers.
#[derive(Debug)]
pub struct Peers {
    /// The number of peers; `records` may have fewer.
    pub total: u32,
    /// The peers, in no order.
    pub records: Vec<PeerRecord>,
}

/// At most `limit` peers of the torrent with this canonical info hash, or of all torrents.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time.
pub async fn peers(app: &App, info_hash: Option<InfoHash>, limit: u32) -> Result<Peers, Error> {
    let request = Request::Peers { info_hash, limit };
    ask(&app.config.zeromq.control, &request, app.backend_timeout(), |answer| match answer {
        Answer::Peers { total, peers } => Some(Peers { total, records: peers }),
        _ => None,
    })
    .await
}
