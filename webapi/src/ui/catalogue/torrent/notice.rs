//! The notice after an upload, shown once to the uploader on the torrent's page: whether they must download the site's
//! file.

use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::auth::session::ticket;
use crate::domain::catalogue::torrent::upload::{Redownload, Stored};
use crate::error::Error;
use crate::id::TorrentId;

/// Key, in a session's data, of the notices that wait to be shown.
const NOTICES: &str = "uploaded";

/// Most waiting notices of a session; the oldest ones beyond it are dropped.
const MOST: usize = 50;

#[derive(Debug, Serialize, Deserialize)]
struct Notice {
    torrent: TorrentId,
    other_hash: bool,
    other_tracker: bool,
}

/// Keeps the notice of an upload until the torrent's page is shown in this session. Does nothing without a session, as
/// for a tool that sends the form with its API token.
pub(super) async fn leave(session: &Session, stored: &Stored) -> Result<(), Error> {
    if ticket(session).await?.is_none() {
        return Ok(());
    }
    let mut waiting: Vec<Notice> = session.get(NOTICES).await?.unwrap_or_default();
    let Redownload { other_hash, other_tracker } = stored.redownload;
    waiting.push(Notice { torrent: stored.id, other_hash, other_tracker });
    let too_many = waiting.len().saturating_sub(MOST);
    waiting.drain(..too_many);
    Ok(session.insert(NOTICES, waiting).await?)
}

/// Takes the notice that waits for the page of `torrent`, if there is one.
pub(super) async fn take(session: &Session, torrent: TorrentId) -> Result<Option<Redownload>, Error> {
    if ticket(session).await?.is_none() {
        return Ok(None);
    }
    let mut waiting: Vec<Notice> = session.get(NOTICES).await?.unwrap_or_default();
    let Some(found) = waiting.iter().position(|it| it.torrent == torrent) else { return Ok(None) };
    let Notice { other_hash, other_tracker, .. } = waiting.remove(found);
    session.insert(NOTICES, waiting).await?;
    Ok(Some(Redownload { other_hash, other_tracker }))
}
