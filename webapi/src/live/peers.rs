//! Who is connected, asked of the tracker each time: addresses are kept in no place of ours.

use bt::InfoHash;
use bt::control::{Answer, PeerRecord, Request};
use tokio::time::timeout;
use zeromq::{DealerSocket, Socket, SocketRecv};

use super::connection::{connect, send};
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
    match timeout(app.backend_timeout(), ask(&app.config.zeromq.control, info_hash, limit)).await {
        Ok(Ok(peers)) => Ok(peers),
        Ok(Err(error)) => {
            tracing::warn!(cause = format!("{error:#}"), "the tracker was not asked for its peers");
            Err(Error::Unavailable("tracker"))
        }
        Err(_) => Err(Error::Unavailable("tracker")),
    }
}

async fn ask(endpoint: &str, info_hash: Option<InfoHash>, limit: u32) -> anyhow::Result<Peers> {
    let mut control = DealerSocket::new();
    connect(&mut control, endpoint).await?;
    send(&mut control, Request::Peers { info_hash, limit }.encode(1)).await?;
    let answer = control.recv().await?;
    match Answer::decode(&answer.into_vec())? {
        (1, Answer::Peers { total, peers }) => Ok(Peers { total, records: peers }),
        (_, Answer::Error(sentence)) => anyhow::bail!("the tracker refused: {sentence}"),
        _ => anyhow::bail!("the tracker answered another question"),
    }
}
