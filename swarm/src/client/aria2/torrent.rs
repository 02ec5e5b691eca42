//! A download in aria2's words.

use std::net::IpAddr;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;

use crate::client::ledger::Moved;
use crate::client::{Activity, Link, Share};

/// What is asked of each download.
pub(super) const KEYS: [&str; 10] = [
    "gid",
    "status",
    "infoHash",
    "seeder",
    "completedLength",
    "uploadLength",
    "bitfield",
    "errorMessage",
    "verifiedLength",
    "verifyIntegrityPending",
];

/// `aria2.tellStatus`: every number is a string, and what does not apply is left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) gid: String,
    #[serde(rename = "status")]
    state: String,
    info_hash: Option<String>,
    seeder: Option<String>,
    completed_length: Option<String>,
    upload_length: Option<String>,
    bitfield: Option<String>,
    error_message: Option<String>,
    verified_length: Option<String>,
    verify_integrity_pending: Option<String>,
    #[serde(skip)]
    pub(super) peers: Vec<Peer>,
}

/// `aria2.getPeers`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Peer {
    ip: IpAddr,
    upload_speed: String,
    download_speed: String,
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl Status {
    pub(super) fn hash(&self) -> Option<&str> {
        self.info_hash.as_deref()
    }

    pub(super) fn is_of(&self, hash: &str) -> bool {
        self.hash() == Some(hash)
    }

    /// Whether it downloads or seeds, or is queued for that.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.state.as_str(), "active" | "waiting")
    }

    /// Whether it has ended and is merely listed.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "complete" | "error" | "removed")
    }

    fn activity(&self) -> Activity {
        let checks = self.verified_length.is_some() || self.verify_integrity_pending.is_some();
        match self.state.as_str() {
            "active" if !checks && self.seeder.as_deref() == Some("true") => Activity::Seeding,
            "active" if !checks => Activity::Leeching,
            "active" | "waiting" => Activity::Checking,
            "error" => Activity::Failed(self.error_message.clone().unwrap_or_default()),
            _ => Activity::Stopped,
        }
    }

    /// Bytes moved since aria2 was started. It counts what it sent, but not what it downloaded: that is what it has beyond
    /// `had`, the bytes at its start, known once it has checked its disk.
    pub(super) fn moved(&self, had: &mut Option<u64>) -> Moved {
        if self.activity() == Activity::Checking {
            return Moved::default();
        }
        let has = number(self.completed_length.as_deref());
        let had = *had.get_or_insert(has);
        Moved { sent: number(self.upload_length.as_deref()), fetched: has.saturating_sub(had) }
    }

    /// `whole` and `rate` are the ledger's: aria2's own rates are means of ten seconds.
    pub(super) fn share(&self, whole: Moved, rate: Moved) -> anyhow::Result<Share> {
        let links = self.peers.iter().map(|peer| Link {
            address: peer.ip,
            sending: number(Some(&peer.upload_speed)),
            fetching: number(Some(&peer.download_speed)),
        });
        Ok(Share {
            info_hash: self.info_hash.clone().unwrap_or_default(),
            activity: self.activity(),
            done: number(self.completed_length.as_deref()),
            pieces: HEXLOWER_PERMISSIVE.decode(self.bitfield.as_deref().unwrap_or_default().as_bytes())?,
            sent: whole.sent,
            fetched: whole.fetched,
            sending: rate.sent,
            fetching: rate.fetched,
            links: links.collect(),
            // aria2 does not report it.
            told: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 1.36 answered.
    const ACTIVE: &str = r#"{"bitfield":"00824152841950002015800000a100000100501000","completedLength":"3506176",
        "gid":"039553b7eb63b3c1","infoHash":"93a7394c92660a12a1244c6c26f8efd23617ecc6","seeder":"false",
        "status":"active","uploadLength":"1048576"}"#;
    const PEERS: &str = r#"[{"amChoking":"true","bitfield":"ff80","downloadSpeed":"580812","ip":"10.77.0.2",
        "peerChoking":"false","peerId":"%2DTR3000%2D4s3j24icft64","port":"6881","seeder":"true","uploadSpeed":"0"}]"#;

    fn status() -> Status {
        serde_json::from_str(ACTIVE).unwrap()
    }

    #[test]
    fn an_answer_is_a_share() {
        let mut status = status();
        status.peers = serde_json::from_str(PEERS).unwrap();
        let (whole, rate) = (Moved { sent: 1, fetched: 2 }, Moved { sent: 3, fetched: 4 });
        let share = status.share(whole, rate).unwrap();
        assert_eq!(share.activity, Activity::Leeching);
        assert_eq!((share.done, share.sent, share.fetched), (3_506_176, 1, 2));
        assert_eq!((share.sending, share.fetching), (3, 4));
        assert_eq!((share.pieces.len(), &share.pieces[..3]), (21, &[0, 0x82, 0x41][..]));
        assert_eq!(
            share.links,
            [Link { address: "10.77.0.2".parse().unwrap(), sending: 0, fetching: 580_812 }]
        );
    }

    #[test]
    fn what_it_does_is_told_apart() {
        let with = |change: fn(&mut Status)| {
            let mut status = status();
            change(&mut status);
            status.activity()
        };
        assert_eq!(with(|status| status.seeder = Some("true".to_owned())), Activity::Seeding);
        assert_eq!(with(|status| status.verified_length = Some("5".to_owned())), Activity::Checking);
        assert_eq!(with(|status| status.state = "waiting".to_owned()), Activity::Checking);
        assert_eq!(with(|status| status.state = "paused".to_owned()), Activity::Stopped);
        let failed = with(|status| {
            status.state = "error".to_owned();
            status.error_message = Some("why".to_owned());
        });
        assert_eq!(failed, Activity::Failed("why".to_owned()));
    }

    #[test]
    fn what_it_had_is_not_fetched() {
        let (mut status, mut had) = (status(), None);
        status.verify_integrity_pending = Some("true".to_owned());
        assert_eq!(status.moved(&mut had), Moved::default());
        assert_eq!(had, None, "it has not looked yet");
        status.verify_integrity_pending = None;
        assert_eq!(status.moved(&mut had), Moved { sent: 1_048_576, fetched: 0 });
        status.completed_length = Some("3506276".to_owned());
        assert_eq!(status.moved(&mut had).fetched, 100);
        assert_eq!(status.moved(&mut Some(0)).fetched, 3_506_276, "a folder that was empty");
    }
}
