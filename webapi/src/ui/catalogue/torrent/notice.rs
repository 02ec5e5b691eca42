//! What became of an upload, told once: to its uploader, on the torrent's page.

use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::auth::session::ticket;
use crate::domain::catalogue::torrent::upload::{Redownload, Stored};
use crate::error::Error;
use crate::id::TorrentId;

/// The session's place for notices that wait for their page.
const NOTICES: &str = "uploaded";

/// Uploads whose notices wait; of more, the oldest are forgotten.
const MOST: usize = 50;

#[derive(Debug, Serialize, Deserialize)]
struct Notice {
    torrent: TorrentId,
    other_hash: bool,
    other_tracker: bool,
}

/// Keeps the verdict on an upload for the first time that its page is shown in this session. A tool that sends the form
/// with its token has none.
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

/// The verdict that waits for `torrent`'s page, for the one time.
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
