//! Who is connected, for staff: the tracker's peers with names of members and torrents. Nothing of it is kept.

use std::collections::HashMap;

use bt::messages::control::PeerRecord;
use bt::{InfoHash, PeerState};
use deadpool_postgres::GenericClient;

use crate::db;
use crate::db::catalogue::torrent::Titled;
use crate::domain::{client_name, cursor};
use crate::error::Error;
use crate::id::{TorrentId, UserId};

/// Peers that the tracker is asked for, at most: those beyond are in no list.
pub const MAX_PEERS: u32 = 1000;

/// A page of the list of peers.
#[derive(Debug)]
pub struct Page {
    /// By torrent, then by member.
    pub peers: Vec<SwarmPeer>,
    /// The cursor behind the last of them, if more follow.
    pub next: Option<String>,
}

/// A peer with what the database knows of it.
#[derive(Debug)]
pub struct SwarmPeer {
    /// The member that announces, by id and name.
    pub member: (UserId, Option<String>),
    /// The torrent's id and title; `None` when it was just deleted.
    pub torrent: Option<(TorrentId, String)>,
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
    /// Whether the tracker could connect to it; `None` where that was not tried lately.
    pub reachable: Option<bool>,
}

/// What a peer is sorted by: torrent, member, and which of the member's peers there.
pub type PeerKey = (Option<TorrentId>, UserId, usize);

/// The `limit` peers of `records` behind `after`, with names of members and torrents.
pub async fn page(
    client: &impl GenericClient,
    records: Vec<PeerRecord>,
    after: Option<PeerKey>,
    limit: i64,
) -> Result<Page, Error> {
    let mut shown = numbered(name(client, records).await?);
    shown.retain(|(key, _)| after.is_none_or(|after| *key > after));
    let next = cursor::cut(&mut shown, limit, |(key, _)| *key)?;
    Ok(Page { peers: shown.into_iter().map(|(_, peer)| peer).collect(), next })
}

/// In the list's order, each with its key.
fn numbered(mut peers: Vec<SwarmPeer>) -> Vec<(PeerKey, SwarmPeer)> {
    let whose = |it: &SwarmPeer| (it.torrent.as_ref().map(|it| it.0), it.member.0);
    peers.sort_by(|a, b| (whose(a), &a.addresses).cmp(&(whose(b), &b.addresses)));
    let mut numbered: Vec<(PeerKey, SwarmPeer)> = Vec::with_capacity(peers.len());
    for peer in peers {
        let (torrent, member) = whose(&peer);
        let before = numbered.last().map(|it| it.0).filter(|it| (it.0, it.1) == (torrent, member));
        numbered.push(((torrent, member, before.map_or(0, |it| it.2 + 1)), peer));
    }
    numbered
}

async fn name(client: &impl GenericClient, records: Vec<PeerRecord>) -> Result<Vec<SwarmPeer>, Error> {
    let mut hashes: Vec<InfoHash> = records.iter().map(|it| it.info_hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let titles = db::catalogue::torrent::titles(client, &hashes).await?;
    let titles: HashMap<InfoHash, Titled> = titles.into_iter().map(|it| (it.info_hash, it)).collect();
    let mut members: Vec<UserId> = records.iter().map(member).collect();
    members.sort_unstable();
    members.dedup();
    let names = db::member::user::names(client, &members).await?;
    let names: HashMap<UserId, String> = names.into_iter().map(|it| (it.id, it.name)).collect();
    Ok(records.into_iter().map(|it| SwarmPeer::new(it, &names, &titles)).collect())
}

fn member(record: &PeerRecord) -> UserId {
    UserId(record.peer.member.cast_signed())
}

impl SwarmPeer {
    fn new(record: PeerRecord, names: &HashMap<UserId, String>, titles: &HashMap<InfoHash, Titled>) -> Self {
        let id = member(&record);
        let title = titles.get(&record.info_hash);
        let (peer, reachable) = (record.peer, record.reachable);
        let addresses = [peer.v4.map(|it| it.to_string()), peer.v6.map(|it| it.to_string())];
        Self {
            member: (id, names.get(&id).cloned()),
            torrent: title.map(|it| (it.id, it.title.clone())),
            addresses: addresses.into_iter().flatten().collect(),
            client: client_name::of(&peer.client),
            state: peer.state,
            uploaded: peer.uploaded,
            downloaded: peer.downloaded,
            left: peer.left,
            percent: title.and_then(|it| percent(peer.left, it.size)),
            idle: peer.idle,
            reachable,
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

    fn peer(torrent: Option<i32>, member: i32, address: &str) -> SwarmPeer {
        SwarmPeer {
            member: (UserId(member), None),
            torrent: torrent.map(|id| (TorrentId(id), String::new())),
            addresses: vec![address.to_owned()],
            client: String::new(),
            state: PeerState::Seeder,
            uploaded: 0,
            downloaded: 0,
            left: 0,
            percent: None,
            idle: 0,
            reachable: None,
        }
    }

    #[test]
    fn every_peer_has_a_place_of_its_own_whatever_order_the_tracker_tells_them_in() {
        let peers =
            vec![peer(Some(7), 2, "b"), peer(None, 9, "a"), peer(Some(7), 2, "a"), peer(Some(7), 1, "c")];
        let places = |peers| numbered(peers).into_iter().map(|(place, it)| (place, it.addresses[0].clone()));
        let expected =
            [((None, 9, 0), "a"), ((Some(7), 1, 0), "c"), ((Some(7), 2, 0), "a"), ((Some(7), 2, 1), "b")];
        let expected = expected.map(|((torrent, member, nth), address)| {
            ((torrent.map(TorrentId), UserId(member), nth), address.to_owned())
        });
        assert_eq!(places(peers).collect::<Vec<_>>(), expected);
        let turned =
            vec![peer(Some(7), 1, "c"), peer(Some(7), 2, "a"), peer(Some(7), 2, "b"), peer(None, 9, "a")];
        assert_eq!(places(turned).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_what_is_whole_is_at_100_percent() {
        assert_eq!(percent(0, 1000), Some(100));
        assert_eq!(percent(1, 1000), Some(99));
        assert_eq!(percent(1000, 1000), Some(0));
        assert_eq!(percent(u64::MAX, 1000), Some(0));
        assert_eq!(percent(0, 0), None);
    }
}
