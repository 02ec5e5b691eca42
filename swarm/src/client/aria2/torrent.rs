//! A download in aria2's words.

use std::net::IpAddr;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;

use crate::client::{Activity, Link, Share};

/// What is asked of each download.
pub(super) const KEYS: [&str; 12] = [
    "gid",
    "status",
    "infoHash",
    "seeder",
    "completedLength",
    "uploadLength",
    "uploadSpeed",
    "downloadSpeed",
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
    status: String,
    info_hash: Option<String>,
    seeder: Option<String>,
    completed_length: Option<String>,
    upload_length: Option<String>,
    upload_speed: Option<String>,
    download_speed: Option<String>,
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

    /// Whether it fetches or seeds, or will.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.status.as_str(), "active" | "waiting")
    }

    /// Whether only the memory of it is left.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "complete" | "error" | "removed")
    }

    fn activity(&self) -> Activity {
        let checks = self.verified_length.is_some() || self.verify_integrity_pending.is_some();
        match self.status.as_str() {
            "active" if !checks && self.seeder.as_deref() == Some("true") => Activity::Seeding,
            "active" if !checks => Activity::Leeching,
            "active" | "waiting" => Activity::Checking,
            "error" => Activity::Failed(self.error_message.clone().unwrap_or_default()),
            _ => Activity::Stopped,
        }
    }

    pub(super) fn share(&self, tally: &Tally) -> anyhow::Result<Share> {
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
            sent: tally.sent(),
            fetched: tally.fetched(),
            sending: number(self.upload_speed.as_deref()),
            fetching: number(self.download_speed.as_deref()),
            links: links.collect(),
            // It keeps that to itself.
            told: None,
        })
    }
}

/// What a torrent has moved. aria2 counts what it has sent since it was started, and what it has; so what it has fetched
/// is what came since it had looked at its disk.
#[derive(Debug, Default)]
pub(super) struct Tally {
    earlier: Moved,
    now: Moved,
    /// What it had when it was started.
    had: Option<u64>,
}

#[derive(Debug, Default)]
struct Moved {
    sent: u64,
    fetched: u64,
}

impl Tally {
    /// Of a torrent that is added; `content` whether something of it is there.
    pub(super) fn new(content: bool) -> Self {
        Self { had: (!content).then_some(0), ..Self::default() }
    }

    /// The program is started again.
    pub(super) fn begin(&mut self) {
        let now = std::mem::take(&mut self.now);
        self.earlier.sent += now.sent;
        self.earlier.fetched += now.fetched;
        self.had = None;
    }

    pub(super) fn hear(&mut self, status: &Status) {
        if !matches!(status.activity(), Activity::Leeching | Activity::Seeding) {
            return;
        }
        let has = number(status.completed_length.as_deref());
        let had = *self.had.get_or_insert(has);
        self.now.fetched = has.saturating_sub(had);
        self.now.sent = number(status.upload_length.as_deref());
    }

    fn sent(&self) -> u64 {
        self.earlier.sent + self.now.sent
    }

    fn fetched(&self) -> u64 {
        self.earlier.fetched + self.now.fetched
    }
}
