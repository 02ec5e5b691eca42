//! Parses torrents of qBittorrent's Web API.

use bt::InfoHash;
use serde::Deserialize;

use crate::remote::join;
use crate::{Activity, Error, Torrent};

/// A torrent in the answer to `torrents/info`.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    /// The truncated info hash of version 2 if there is one, else version 1.
    pub(super) hash: String,
    /// Empty for a torrent of version 2 alone; missing before 4.4, which does not support version 2.
    #[serde(default)]
    infohash_v1: String,
    name: String,
    state: String,
    size: u64,
    completed: u64,
    amount_left: u64,
    save_path: String,
    /// Missing before 4.3.
    #[serde(default)]
    content_path: String,
    #[serde(default)]
    category: String,
}

impl Listed {
    /// The info hash of version 1 if there is one, else truncated version 2.
    fn info_hash(&self) -> &str {
        if self.infohash_v1.is_empty() { &self.hash } else { &self.infohash_v1 }
    }

    /// Whether `info_hash` is one of its hashes.
    pub(super) fn is_named(&self, info_hash: &InfoHash) -> bool {
        let name = info_hash.to_string();
        self.hash.eq_ignore_ascii_case(&name) || self.infohash_v1.eq_ignore_ascii_case(&name)
    }
}

/// The activity that `state` and `amount_left` (bytes) mean. Unknown states count as leeching or seeding.
pub fn activity(state: &str, amount_left: u64) -> Activity {
    match state {
        "allocating" | "checkingUP" | "checkingDL" | "checkingResumeData" | "moving" => Activity::Checking,
        // `paused` in 4.x, `stopped` in 5.x.
        "pausedUP" | "pausedDL" | "stoppedUP" | "stoppedDL" => Activity::Stopped,
        "error" => Activity::Failed("qBittorrent cannot read or write the content".to_owned()),
        "missingFiles" => Activity::Failed("the content is gone".to_owned()),
        // `amount_left` is 0 while the metadata of a magnet link are missing.
        "metaDL" | "forcedMetaDL" => Activity::Leeching,
        _ if amount_left == 0 => Activity::Seeding,
        _ => Activity::Leeching,
    }
}

impl TryFrom<Listed> for Torrent {
    type Error = Error;

    fn try_from(listed: Listed) -> Result<Self, Error> {
        let info_hash = listed.info_hash().parse();
        let path = match listed.content_path {
            unknown if unknown.is_empty() => join(&listed.save_path, &listed.name),
            path => path,
        };
        Ok(Self {
            info_hash: info_hash.map_err(|_| Error::Unreadable("it names no info hash".to_owned()))?,
            activity: activity(&listed.state, listed.amount_left),
            size: listed.size,
            done: listed.completed,
            left: listed.amount_left,
            name: listed.name,
            folder: listed.save_path,
            path,
            label: listed.category,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hybrid torrent as 4.5.2 lists it, without the fields that are not read.
    const HYBRID: &str = r#"{"amount_left":0,"category":"film","completed":5,"content_path":"/d/a","hash":
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","infohash_v1":"93a7394c92660a12a1244c6c26f8efd23617ecc6",
        "name":"a","save_path":"/d","size":5,"state":"stalledUP"}"#;

    #[test]
    fn a_hybrid_torrent_is_found_by_both_hashes_and_named_by_version_1() {
        let listed: Listed = serde_json::from_str(HYBRID).unwrap();
        assert!(listed.is_named(&[0xaa; 20].into()));
        let torrent = Torrent::try_from(listed).unwrap();
        assert_eq!(torrent.info_hash.to_string(), "93a7394c92660a12a1244c6c26f8efd23617ecc6");
        assert_eq!((torrent.path.as_str(), torrent.label.as_str()), ("/d/a", "film"));
        assert!(torrent.is_finished());
    }

    #[test]
    fn both_versions_words_for_stopped_are_known() {
        for state in ["pausedDL", "pausedUP", "stoppedDL", "stoppedUP"] {
            assert_eq!(activity(state, 1), Activity::Stopped, "{state}");
        }
        assert_eq!(activity("moving", 0), Activity::Checking);
        assert_eq!(activity("stalledDL", 1), Activity::Leeching);
        assert_eq!(activity("a word of a later version", 0), Activity::Seeding);
    }

    #[test]
    fn a_magnet_link_without_metadata_is_not_complete() {
        for state in ["metaDL", "forcedMetaDL"] {
            assert_eq!(activity(state, 0), Activity::Leeching, "{state}");
        }
    }
}
