//! Announce URLs: the one that a download carries, and whether an uploaded file already has it.

use std::fmt;

use bt::InfoHash;
use bt::announce_key::{self, Binding};
use bt::route::{Action, Route};
use bt::token::Token;
use url::Url;

use crate::domain::member::Member;
use crate::id::UserId;

/// Makes announce URLs and recognises them. `Debug` does not show the key.
pub struct AnnounceUrls {
    key: [u8; 32],
    tracker: String,
}

impl AnnounceUrls {
    /// URLs below `tracker`, the tracker's URL, with announce keys that `key` makes.
    pub fn new(key: [u8; 32], tracker: &str) -> Self {
        Self { key, tracker: tracker.to_owned() }
    }

    /// The announce URL of member `id` for the torrent with the canonical info hash `scope`, or for all torrents. It is
    /// a secret.
    pub fn of(&self, id: UserId, key: &Binding, scope: Option<InfoHash>) -> String {
        let key = announce_key::mint(&self.key, id.unsigned(), key, scope);
        format!("{}/announce/{key}/announce", self.tracker)
    }

    /// Whether `announce` is a URL under which `member` may announce the torrent with this canonical info hash.
    pub fn is_own(&self, member: &Member, info_hash: InfoHash, announce: &[u8]) -> bool {
        let Some(token) = own_tracker(&self.tracker, announce) else { return false };
        let opens = |scope| announce_key::verify(&token, &self.key, &member.key, scope);
        token.id() == member.id.unsigned() && (opens(None) || opens(Some(info_hash)))
    }
}

impl fmt::Debug for AnnounceUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnnounceUrls")
    }
}

/// The key in an announce URL below `tracker`, in any form that the tracker accepts.
fn own_tracker(tracker: &str, announce: &[u8]) -> Option<Token> {
    let url = Url::parse(std::str::from_utf8(announce).ok()?).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let target = url.as_str().strip_prefix(tracker)?;
    let route = Route::parse(target.as_bytes(), 0).ok()?;
    (route.action == Action::Announce).then(|| Token::parse(route.key))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_shape_below_the_tracker_only() {
        let key = Token::new(&[1; 32], 7, &[]);
        for (announce, ours) in [
            (format!("http://tracker.example/t/announce/{key}/announce"), true),
            (format!("HTTP://Tracker.Example:80/t/{key}/announce"), true),
            (format!("http://tracker.example/t/announce/{key}"), true),
            (format!("http://tracker.example/t/announce?passkey={key}"), true),
            (format!("http://tracker.example/t/announce/{key}/scrape"), false),
            (format!("http://tracker.example/announce/{key}/announce"), false),
            (format!("http://tracker.example.org/t/announce/{key}/announce"), false),
            (format!("http://tracker.example/tt/announce/{key}/announce"), false),
            (format!("https://tracker.example/t/announce/{key}/announce"), false),
            (format!("http://user@tracker.example/t/announce/{key}/announce"), false),
            ("http://tracker.example/t/announce/key/announce".to_owned(), false),
            ("udp://elsewhere".to_owned(), false),
            (String::new(), false),
        ] {
            let found = own_tracker("http://tracker.example/t", announce.as_bytes());
            assert_eq!(found.map(|it| it.id()), ours.then_some(7), "{announce}");
        }
        assert!(own_tracker("http://tracker.example", b"\xff").is_none());
    }
}
