//! Who is connected, asked of the tracker each time: addresses are kept in no place of ours.

use bt::InfoHash;
use bt::control::{Answer, PeerRecord, Request};

use super::question::{ask, unexpected};
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
    match ask(app, Request::Peers { info_hash, limit }, app.backend_timeout()).await? {
        Answer::Peers { total, peers } => Ok(Peers { total, records: peers }),
        _ => Err(unexpected()),
    }
}
