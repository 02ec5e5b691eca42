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

    /// Whether it fetches or seeds, or will.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.state.as_str(), "active" | "waiting")
    }

    /// Whether only the memory of it is left.
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

    /// What it has moved since it was started; it counts what it has sent, but not what it has fetched. `had` is what it
    /// had then, which is known once it has looked at its disk.
    pub(super) fn moved(&self, had: &mut Option<u64>) -> Moved {
        if self.activity() == Activity::Checking {
            return Moved::default();
        }
        let has = number(self.completed_length.as_deref());
        let had = *had.get_or_insert(has);
        Moved { sent: number(self.upload_length.as_deref()), fetched: has.saturating_sub(had) }
    }

    /// `whole` and `rate` as the ledger has them: its own rates are means of ten seconds.
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
            // It keeps that to itself.
            told: None,
        })
    }
}
