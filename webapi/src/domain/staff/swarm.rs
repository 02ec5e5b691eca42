//! The connected peers, for staff: the tracker's peers with names of members and torrents. Nothing of it is stored.

use std::collections::HashMap;

use bt::messages::control::PeerRecord;
use bt::{InfoHash, PeerState};
use deadpool_postgres::GenericClient;

use crate::db;
use crate::db::catalogue::torrent::Titled;
use crate::domain::{client_name, cursor};
use crate::error::Error;
use crate::id::{TorrentId, UserId};

/// Most peers that the tracker is asked for; lists leave out further ones.
pub const MAX_PEERS: u32 = 1000;

/// A page of the list of peers.
#[derive(Debug)]
pub struct Page {
    /// The peers, sorted by torrent, then by member.
    pub peers: Vec<SwarmPeer>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<String>,
}

/// A peer of the tracker with the names of its member and torrent.
#[derive(Debug)]
pub struct SwarmPeer {
    /// Id and name of the member who announces; no name if the account was deleted.
    pub member: (UserId, Option<String>),
    /// Id and title of the torrent; `None` if it was deleted a moment ago.
    pub torrent: Option<(TorrentId, String)>,
    /// `ADDRESS:PORT` where the client listens: at most one for IPv4 and one for IPv6.
    pub addresses: Vec<String>,
    /// The client's name and version, as its peer id claims (BEP 20).
    pub client: String,
    /// Whether it is a seeder, a leecher or a partial seed.
    pub state: PeerState,
    /// Bytes sent in this session.
    pub uploaded: u64,
    /// Bytes received in this session.
    pub downloaded: u64,
    /// Bytes that it still lacks.
    pub left: u64,
    /// The share of the torrent that it has, 0 to 100; `None` for a torrent that was deleted or has no bytes.
    pub percent: Option<u8>,
    /// Seconds since its last announce.
    pub idle: u32,
    /// Whether the tracker could connect to it; `None` if that was not tried lately.
    pub reachable: Option<bool>,
}

/// Sort key of a peer: torrent, member, and the number of the peer among the member's peers of the torrent.
pub type PeerKey = (Option<TorrentId>, UserId, usize);

/// The first `limit` peers of `records` after the key `after`, with names of members and torrents.
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

/// `peers` in the order of the list, each with its key.
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

/// The percentage of `size` bytes that a peer has if `left` are missing, rounded down: 100 only if nothing is missing.
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
