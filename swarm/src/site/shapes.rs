//! The JSON of the site's REST API, as far as it is used here.

use std::collections::BTreeMap;
use std::fmt;

use bt::InfoHash;
use infra::secrets::Secret;
use serde::{Deserialize, Deserializer};

/// A torrent that was just uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Uploaded {
    /// The site's id.
    pub(crate) id: u32,
    /// Version 1 where there is one, else truncated version 2; of the torrent with its private flag.
    #[serde(deserialize_with = "info_hash")]
    pub(crate) info_hash: InfoHash,
}

/// The tracker's counts of a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Seeders and leechers; none while the site has no connection to the tracker.
    pub(crate) peers: Option<(u32, u32)>,
    /// Completed downloads.
    pub(crate) snatched: u32,
}

/// Bytes that the tracker counted for a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Totals {
    pub(crate) uploaded: u64,
    pub(crate) downloaded: u64,
}

/// An announce or scrape, and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Announce {
    /// Whole seconds since the announce.
    #[serde(rename = "age_seconds")]
    pub(crate) age: u32,
    /// None for a torrent that the site does not have.
    pub(crate) torrent: Option<TorrentReference>,
    /// "ipv4" or "ipv6".
    pub(crate) family: String,
    /// "started", "stopped", "completed" or "paused"; none for a regular announce.
    pub(crate) event: Option<String>,
    /// "answered" and "scraped" are successes.
    pub(crate) outcome: String,
    /// The outcome in words.
    pub(crate) message: String,
}

/// A reference to a torrent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TorrentReference {
    pub(crate) id: u32,
    pub(crate) title: String,
}

/// A member who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) name: String,
    /// Moderator or administrator: may control the demonstration.
    pub(crate) staff: bool,
    /// The session's `csrf_token`, for the forms; none for a request without a session.
    pub(crate) csrf: Option<Secret>,
}

/// A torrent of the list.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) id: u32,
    /// The canonical info hash.
    #[serde(deserialize_with = "info_hash")]
    pub(super) info_hash: InfoHash,
    seeders: Option<u32>,
    leechers: Option<u32>,
    snatched: u32,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// A session.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) user: SessionUser,
    pub(super) csrf_token: Option<Secret>,
}

/// The member of a session.
#[derive(Debug, Deserialize)]
pub(super) struct SessionUser {
    name: String,
    roles: Vec<String>,
}

/// A member.
#[derive(Debug, Deserialize)]
pub(super) struct Profile {
    pub(super) totals: Option<Totals>,
}

/// A new account.
#[derive(Debug, Deserialize)]
pub(super) struct Claimed {
    pub(super) id: u32,
    pub(super) name: String,
}

/// A new invite.
#[derive(Debug, Deserialize)]
pub(super) struct Invited {
    /// The link that makes the account.
    pub(super) url: Secret,
}

/// A new API token.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) token: Secret,
}

/// The body of an error answer.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    error: Detail,
}

#[derive(Debug, Deserialize)]
struct Detail {
    message: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl Listed {
    pub(super) fn counts(&self) -> Counts {
        Counts { peers: self.seeders.zip(self.leechers), snatched: self.snatched }
    }
}

impl From<Session> for Visitor {
    fn from(Session { user, csrf_token: csrf }: Session) -> Self {
        let staff = user.roles.iter().any(|role| matches!(role.as_str(), "administrator" | "moderator"));
        Self { name: user.name, staff, csrf }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)?;
        self.error.fields.iter().try_for_each(|(field, problem)| write!(f, "; {field}: {problem}"))
    }
}

fn info_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<InfoHash, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
