//! A torrent in Transmission's words.

use std::net::IpAddr;

use clients::transmission::activity;
use data_encoding::BASE64;
use serde::Deserialize;

use crate::client::ledger::Moved;
use crate::client::{Link, Share};

/// What is asked of each torrent.
pub(super) const FIELDS: [&str; 12] = [
    "hash_string",
    "status",
    "error",
    "error_string",
    "have_valid",
    "pieces",
    "uploaded_ever",
    "downloaded_ever",
    "rate_upload",
    "rate_download",
    "peers",
    "tracker_stats",
];

/// The result of `torrent_get`.
#[derive(Deserialize)]
pub(super) struct Torrents {
    pub(super) torrents: Vec<Torrent>,
}

#[derive(Deserialize)]
pub(super) struct Torrent {
    pub(super) hash_string: String,
    status: u8,
    error: u8,
    error_string: String,
    have_valid: u64,
    pieces: String,
    pub(super) uploaded_ever: u64,
    pub(super) downloaded_ever: u64,
    rate_upload: u64,
    rate_download: u64,
    peers: Vec<Peer>,
    tracker_stats: Vec<Tracker>,
}

#[derive(Deserialize)]
struct Peer {
    address: IpAddr,
    #[serde(rename = "rate_to_peer")]
    sending: u64,
    #[serde(rename = "rate_to_client")]
    fetching: u64,
}

/// -1 stands for unknown.
#[derive(Deserialize)]
struct Tracker {
    seeder_count: i64,
    leecher_count: i64,
}

impl Torrent {
    pub(super) fn share(self, whole: Moved) -> anyhow::Result<Share> {
        let told = self.tracker_stats.iter().find_map(|tracker| {
            Some((tracker.seeder_count.try_into().ok()?, tracker.leecher_count.try_into().ok()?))
        });
        let links = self.peers.iter().map(|peer| Link {
            address: peer.address,
            sending: peer.sending,
            fetching: peer.fetching,
        });
        Ok(Share {
            activity: activity(self.status, self.error, &self.error_string),
            done: self.have_valid,
            pieces: BASE64.decode(self.pieces.as_bytes())?,
            sent: whole.sent,
            fetched: whole.fetched,
            sending: self.rate_upload,
            fetching: self.rate_download,
            links: links.collect(),
            told,
            info_hash: self.hash_string,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Activity;

    /// What 3.00 answered, in the words of the RPC from 4.1 on; what it says beside is left out but for one word.
    const RESULT: &str = r#"{"torrents":[{"downloaded_ever":5,"error":0,"error_string":"","hash_string":
        "93a7394c92660a12a1244c6c26f8efd23617ecc6","have_valid":20983865,"peers":[{"address":"10.77.0.3","flag_str":"U",
        "rate_to_client":0,"rate_to_peer":504000},{"address":"fd77::4","rate_to_client":7,"rate_to_peer":520000}],
        "pieces":"//////////////////////////+A","rate_download":0,"rate_upload":1024000,"status":6,
        "tracker_stats":[{"leecher_count":2,"seeder_count":1,"tier":0}],"uploaded_ever":5424157}]}"#;

    fn torrent() -> Torrent {
        let result: Torrents = serde_json::from_str(RESULT).unwrap();
        result.torrents.into_iter().next().unwrap()
    }

    #[test]
    fn an_answer_is_a_share() {
        let share = torrent().share(Moved { sent: 6_000_000, fetched: 5 }).unwrap();
        assert_eq!(share.activity, Activity::Seeding);
        assert_eq!((share.done, share.sent, share.fetched), (20_983_865, 6_000_000, 5));
        assert_eq!((share.sending, share.fetching), (1_024_000, 0));
        assert_eq!((share.pieces.len(), share.pieces[20]), (21, 0x80));
        let link = Link { address: "fd77::4".parse().unwrap(), sending: 520_000, fetching: 7 };
        assert_eq!(share.links[1], link);
        assert_eq!(share.told, Some((1, 2)));
    }

    #[test]
    fn unknown_counts_are_none() {
        let mut torrent = torrent();
        torrent.tracker_stats[0].leecher_count = -1;
        assert_eq!(torrent.share(Moved::default()).unwrap().told, None);
    }
}
