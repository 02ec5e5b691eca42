//! The site's JSON, as much as is of use here.

use std::collections::BTreeMap;
use std::fmt;

use bt::InfoHash;
use infra::secrets::Secret;
use serde::{Deserialize, Deserializer};

/// A torrent that was just uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Uploaded {
    /// Of the site.
    pub(crate) id: u32,
    /// Version 1 where there is one, else truncated version 2; of the torrent with its private flag.
    #[serde(deserialize_with = "info_hash")]
    pub(crate) info_hash: InfoHash,
}

/// What the tracker counts of a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Seeders and leechers; none while the site does not hear the tracker.
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

/// An announce or scrape, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Announce {
    /// Whole seconds since then.
    #[serde(rename = "age_seconds")]
    pub(crate) age: u32,
    /// None where the site does not know it (any more).
    pub(crate) torrent: Option<TorrentReference>,
    /// "ipv4" or "ipv6".
    pub(crate) family: String,
    /// "started", "stopped", "completed" or "paused"; none for a regular announce.
    pub(crate) event: Option<String>,
    /// "answered" and "scraped" are successes.
    pub(crate) outcome: String,
    /// What happened, for people.
    pub(crate) message: String,
}

/// A torrent in few words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TorrentReference {
    pub(crate) id: u32,
    pub(crate) title: String,
}

/// Somebody who is signed in.
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
    /// The canonical one.
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

/// Who is signed in.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) user: Person,
    pub(super) csrf_token: Option<Secret>,
}

/// The one who is signed in.
#[derive(Debug, Deserialize)]
pub(super) struct Person {
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
    /// The link to the new account.
    pub(super) url: Secret,
}

/// A new API token.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) token: Secret,
}

/// Every answer that is no success.
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
