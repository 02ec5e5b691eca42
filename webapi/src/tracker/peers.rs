//! Who is connected, asked of the tracker each time: webapi keeps no address.

use bt::InfoHash;
use bt::messages::control::{Answer, PeerRecord, Request};

use super::control::ask;
use crate::app::App;
use crate::error::Error;

/// The tracker's answer.
#[derive(Debug)]
pub struct Peers {
    /// How many there are; `records` may be fewer.
    pub total: u32,
    /// In no order.
    pub records: Vec<PeerRecord>,
}

/// At most `limit` peers of the torrent with this canonical hash, or of all.
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
