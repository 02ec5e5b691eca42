//! A torrent in Transmission's words.

use std::net::IpAddr;

use data_encoding::BASE64;
use serde::Deserialize;

use crate::client::ledger::Moved;
use crate::client::{Activity, Link, Share};

/// What is asked of each torrent.
pub(super) const FIELDS: [&str; 12] = [
    "hashString",
    "status",
    "error",
    "errorString",
    "haveValid",
    "pieces",
    "uploadedEver",
    "downloadedEver",
    "rateUpload",
    "rateDownload",
    "peers",
    "trackerStats",
];

/// `torrent-get`.
#[derive(Deserialize)]
pub(super) struct Torrents {
    pub(super) torrents: Vec<Torrent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
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
    #[serde(rename = "rateToPeer")]
    sending: u64,
    #[serde(rename = "rateToClient")]
    fetching: u64,
}

/// -1 stands for unknown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
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
            activity: self.activity(),
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

    /// Errors 1 and 2 are the tracker's, which end nothing; 3 is its own.
    fn activity(&self) -> Activity {
        match (self.error, self.status) {
            (3, _) => Activity::Failed(self.error_string.clone()),
            (_, 0) => Activity::Stopped,
            (_, 1 | 2) => Activity::Checking,
            (_, 3 | 4) => Activity::Leeching,
            _ => Activity::Seeding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Answer {
        arguments: Torrents,
    }

    /// As 3.00 answered; what it says beside is left out but for one word.
    const ANSWER: &str = r#"{"arguments":{"torrents":[{"downloadedEver":5,"error":0,"errorString":"","hashString":
        "93a7394c92660a12a1244c6c26f8efd23617ecc6","haveValid":20983865,"peers":[{"address":"10.77.0.3","flagStr":"U",
        "rateToClient":0,"rateToPeer":504000},{"address":"fd77::4","rateToClient":7,"rateToPeer":520000}],
        "pieces":"//////////////////////////+A","rateDownload":0,"rateUpload":1024000,"status":6,
        "trackerStats":[{"leecherCount":2,"seederCount":1,"tier":0}],"uploadedEver":5424157}]},"result":"success"}"#;

    fn torrent() -> Torrent {
        let answer: Answer = serde_json::from_str(ANSWER).unwrap();
        answer.arguments.torrents.into_iter().next().unwrap()
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
    fn only_its_own_errors_end_anything() {
        let failing = |error, status| Torrent { error, status, error_string: "why".to_owned(), ..torrent() };
        assert_eq!(failing(3, 0).activity(), Activity::Failed("why".to_owned()));
        assert_eq!(failing(2, 4).activity(), Activity::Leeching);
        assert_eq!(failing(0, 2).activity(), Activity::Checking);
        assert_eq!(failing(1, 0).activity(), Activity::Stopped);
    }

    #[test]
    fn unknown_counts_are_none() {
        let mut torrent = torrent();
        torrent.tracker_stats[0].leecher_count = -1;
        assert_eq!(torrent.share(Moved::default()).unwrap().told, None);
    }
}
