//! Parses torrents of Transmission's `torrent_get`.

use serde::Deserialize;

use crate::remote::join;
use crate::{Activity, Error, Torrent};

/// The fields asked for of each torrent.
pub(super) const FIELDS: [&str; 10] = [
    "hash_string",
    "name",
    "status",
    "error",
    "error_string",
    "size_when_done",
    "have_valid",
    "left_until_done",
    "download_dir",
    "labels",
];

/// The result of `torrent_get`.
#[derive(Deserialize)]
pub(super) struct Torrents {
    pub(super) torrents: Vec<Listed>,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    hash_string: String,
    name: String,
    status: u8,
    error: u8,
    error_string: String,
    size_when_done: u64,
    have_valid: u64,
    left_until_done: u64,
    download_dir: String,
    /// Missing before 3.00.
    #[serde(default)]
    labels: Vec<String>,
}

/// The activity that `status`, `error` and `error_string` mean. Errors 1 and 2 are a tracker's, after which the daemon
/// continues; 3 is a local error.
pub fn activity(status: u8, error: u8, error_string: &str) -> Activity {
    match (error, status) {
        (3, _) => Activity::Failed(error_string.to_owned()),
        (_, 0) => Activity::Stopped,
        (_, 1 | 2) => Activity::Checking,
        (_, 3 | 4) => Activity::Leeching,
        _ => Activity::Seeding,
    }
}

impl TryFrom<Listed> for Torrent {
    type Error = Error;

    fn try_from(listed: Listed) -> Result<Self, Error> {
        let info_hash = listed.hash_string.parse();
        Ok(Self {
            info_hash: info_hash.map_err(|_| Error::Unreadable("it names no info hash".to_owned()))?,
            activity: activity(listed.status, listed.error, &listed.error_string),
            size: listed.size_when_done,
            done: listed.have_valid,
            left: listed.left_until_done,
            // Not the metainfo's name: 3.00 changes names that Windows cannot store.
            path: join(&listed.download_dir, &listed.name),
            name: listed.name,
            folder: listed.download_dir,
            label: listed.labels.into_iter().next().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_errors_end_anything() {
        assert_eq!(activity(0, 3, "why"), Activity::Failed("why".to_owned()));
        assert_eq!(activity(4, 2, "why"), Activity::Leeching);
        assert_eq!(activity(2, 0, ""), Activity::Checking);
        assert_eq!(activity(0, 1, "why"), Activity::Stopped);
        assert_eq!(activity(6, 0, ""), Activity::Seeding);
    }
}
