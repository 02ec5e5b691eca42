//! Who is connected, for staff: the tracker's peers with names of members and torrents. Nothing of it is kept.

use std::collections::HashMap;

use bt::control::PeerRecord;
use bt::{InfoHash, PeerState};
use deadpool_postgres::GenericClient;

use super::client_name;
use crate::app::App;
use crate::db;
use crate::error::Error;
use crate::live;

/// Peers shown at most.
const LIMIT: u32 = 1000;

/// The peers of one moment.
#[derive(Debug)]
pub struct Swarm {
    /// How many there are; `peers` may be fewer.
    pub total: u32,
    /// By torrent, then by member.
    pub peers: Vec<SwarmPeer>,
    /// The torrent that was asked for: its id and title.
    pub torrent: Option<(i32, String)>,
}

/// A peer with what the database knows of it.
#[derive(Debug)]
pub struct SwarmPeer {
    /// The member that announces, by id and name.
    pub member: (i32, Option<String>),
    /// The torrent's id and title; `None` when it was just deleted.
    pub torrent: Option<(i32, String)>,
    /// Where it listens, with port, for IPv4 and IPv6.
    pub addresses: Vec<String>,
    /// The client's name and version, as far as its peer id tells.
    pub client: String,
    /// What it does.
    pub state: PeerState,
    /// Bytes sent in this session.
    pub uploaded: u64,
    /// Bytes received in this session.
    pub downloaded: u64,
    /// Bytes it lacks.
    pub left: u64,
    /// What it has of the torrent, 0 to 100.
    pub percent: Option<u8>,
    /// Seconds since its last announce.
    pub idle: u32,
}

/// The peers of torrent `id`, or of all.
///
/// # Errors
/// [`Error::NotFound`] for a torrent that is not there; [`Error::Unavailable`] when the tracker does not answer.
pub async fn look(app: &App, id: Option<i32>) -> Result<Swarm, Error> {
    let client = app.connection().await?;
    let torrent = match id {
        Some(id) => Some(db::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?),
        None => None,
    };
    drop(client);
    let peers = live::peers(app, torrent.as_ref().map(|it| it.info_hash), LIMIT).await?;
    let client = app.connection().await?;
    let mut swarm = name(&client, peers).await?;
    swarm.torrent = torrent.map(|it| (it.id, it.title));
    Ok(swarm)
}

struct Title {
    id: i32,
    text: String,
    size: i64,
}

async fn name(client: &impl GenericClient, peers: live::Peers) -> Result<Swarm, Error> {
    let mut hashes: Vec<InfoHash> = peers.records.iter().map(|it| it.info_hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let titles = db::torrent::titles(client, &hashes).await?;
    let titles: HashMap<InfoHash, Title> =
        titles.into_iter().map(|(hash, id, title, size)| (hash, Title { id, text: title, size })).collect();
    let mut members: Vec<i32> = peers.records.iter().map(member).collect();
    members.sort_unstable();
    members.dedup();
    let names: HashMap<i32, String> =
        db::torrent::member_names(client, &members).await?.into_iter().collect();
    let mut shown: Vec<SwarmPeer> =
        peers.records.into_iter().map(|it| SwarmPeer::new(it, &names, &titles)).collect();
    shown.sort_by(|a, b| {
        let key = |it: &SwarmPeer| (it.torrent.as_ref().map(|it| it.0), it.member.0);
        key(a).cmp(&key(b))
    });
    Ok(Swarm { total: peers.total, peers: shown, torrent: None })
}

fn member(record: &PeerRecord) -> i32 {
    i32::try_from(record.peer.member).unwrap_or_default()
}

impl SwarmPeer {
    fn new(record: PeerRecord, names: &HashMap<i32, String>, titles: &HashMap<InfoHash, Title>) -> Self {
        let id = member(&record);
        let title = titles.get(&record.info_hash);
        let peer = record.peer;
        let addresses = [peer.v4.map(|it| it.to_string()), peer.v6.map(|it| it.to_string())];
        Self {
            member: (id, names.get(&id).cloned()),
            torrent: title.map(|it| (it.id, it.text.clone())),
            addresses: addresses.into_iter().flatten().collect(),
            client: client_name::of(&peer.client),
            state: peer.state,
            uploaded: peer.uploaded,
            downloaded: peer.downloaded,
            left: peer.left,
            percent: title.and_then(|it| percent(peer.left, it.size)),
            idle: peer.idle,
        }
    }
}

/// What is there of `size` bytes when `left` are missing; 100 only when nothing is.
fn percent(left: u64, size: i64) -> Option<u8> {
    let size = u64::try_from(size).ok().filter(|it| *it > 0)?;
    let have = u128::from(size.saturating_sub(left)) * 100 / u128::from(size);
    u8::try_from(have).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_at_100_percent() {
        assert_eq!(percent(0, 1000), Some(100));
        assert_eq!(percent(1, 1000), Some(99));
        assert_eq!(percent(1000, 1000), Some(0));
        assert_eq!(percent(u64::MAX, 1000), Some(0));
        assert_eq!(percent(0, 0), None);
    }
}
