//! Parses the target of an announce or scrape: action, key and query.

/// What a request asks of the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A peer reports itself and asks for others (BEP 3).
    Announce,
    /// A client asks for the counts of torrents (BEP 48).
    Scrape,
}

/// Why a request target is not a [`Route`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither an announce nor a scrape; the HTTP status may be 404.
    #[error(
        "This is a tracker; it answers announce and scrape only. Copy the announce URL from your account page"
    )]
    Elsewhere,
    /// An announce or scrape without a key.
    #[error("The passkey is missing from the announce URL; download the torrent again, signed in")]
    KeyMissing,
}

/// The parts of a request target. Only its form has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// Announce or scrape.
    pub action: Action,
    /// The key as sent, not percent-decoded, as a valid key has no escapes.
    pub key: &'a [u8],
    /// What follows the first `?`, as sent; empty if there is none.
    pub query: &'a [u8],
}

impl<'a> Route<'a> {
    /// Reads `target`, the origin-form of a request target as sent, ignoring its first `depth` path segments.
    ///
    /// Accepted: `/announce/KEY/announce`, `/KEY/announce`, `/announce/KEY`, `/announce?passkey=KEY`, the same
    /// with `scrape`, and what clients derive from the first: `/announce/KEY/scrape` as BEP 48 says, and
    /// `/scrape/KEY/announce`, for libtorrent (2.0 and 2.1, so qBittorrent) replaces the first `announce` of the URL.
    pub fn parse(target: &'a [u8], depth: usize) -> Result<Self, Error> {
        let (path, query) = match memchr::memchr(b'?', target) {
            Some(at) => (&target[..at], &target[at + 1..]),
            None => (target, &target[..0]),
        };
        let path = path.strip_prefix(b"/").ok_or(Error::Elsewhere)?;
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let mut segments = path.split(|&byte| byte == b'/').skip(depth);
        let shape = (segments.next(), segments.next(), segments.next());
        if segments.next().is_some() {
            return Err(Error::Elsewhere);
        }
        let (action, key) = match shape {
            (Some(only), None, None) => (action(only).ok_or(Error::Elsewhere)?, passkey(query)),
            (Some(first), Some(second), None) => pair(first, second)?,
            (Some(first), Some(key), Some(last)) => triple(first, key, last)?,
            _ => return Err(Error::Elsewhere),
        };
        if key.is_empty() {
            return Err(Error::KeyMissing);
        }
        Ok(Self { action, key, query })
    }
}

fn action(segment: &[u8]) -> Option<Action> {
    match segment {
        b"announce" => Some(Action::Announce),
        b"scrape" => Some(Action::Scrape),
        _ => None,
    }
}

fn pair<'a>(first: &'a [u8], second: &'a [u8]) -> Result<(Action, &'a [u8]), Error> {
    match (action(first), action(second)) {
        (Some(_), Some(_)) => Err(Error::KeyMissing),
        (Some(action), None) => Ok((action, second)),
        (None, Some(action)) => Ok((action, first)),
        (None, None) => Err(Error::Elsewhere),
    }
}

fn triple<'a>(first: &[u8], key: &'a [u8], last: &[u8]) -> Result<(Action, &'a [u8]), Error> {
    match (action(first), action(last)) {
        (Some(Action::Announce), Some(action)) => Ok((action, key)),
        (Some(Action::Scrape), Some(_)) => Ok((Action::Scrape, key)),
        _ => Err(Error::Elsewhere),
    }
}

fn passkey(query: &[u8]) -> &[u8] {
    query.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(b"passkey=")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(target: &str, depth: usize) -> Result<(Action, String, String), Error> {
        Route::parse(target.as_bytes(), depth).map(|route| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (route.action, text(route.key), text(route.query))
        })
    }

    #[test]
    fn every_accepted_shape_is_read() {
        use Action::{Announce, Scrape};
        for (target, action, query) in [
            ("/announce/k/announce?a=1?b", Announce, "a=1?b"),
            ("/announce/k/announce/?a=1", Announce, "a=1"),
            ("/k/announce?a=1", Announce, "a=1"),
            ("/announce/k?a=1", Announce, "a=1"),
            ("/announce/k/", Announce, ""),
            ("/announce?x&passkey=k&a=1", Announce, "x&passkey=k&a=1"),
            ("/announce/?passkey=k", Announce, "passkey=k"),
            ("/announce/k/scrape?a=1", Scrape, "a=1"),
            ("/scrape/k/scrape", Scrape, ""),
            ("/scrape/k/announce?a=1", Scrape, "a=1"),
            ("/k/scrape", Scrape, ""),
            ("/scrape/k", Scrape, ""),
            ("/scrape?passkey=k", Scrape, "passkey=k"),
        ] {
            let expected = Ok((action, "k".to_owned(), query.to_owned()));
            assert_eq!(parse(target, 0), expected, "{target}");
            assert_eq!(parse(&format!("/some/where{target}"), 2), expected, "{target}");
        }
    }

    #[test]
    fn a_path_without_key_says_passkey() {
        for target in [
            "/announce",
            "/scrape?",
            "/announce/?passkey=",
            "/announce//announce",
            "/announce/announce",
            "/announce/scrape?passkey=k",
            "//announce",
        ] {
            assert_eq!(parse(target, 0), Err(Error::KeyMissing), "{target}");
        }
        assert!(Error::KeyMissing.to_string().contains("passkey"));
    }

    #[test]
    fn other_paths_are_elsewhere() {
        for target in [
            "",
            "/",
            "announce/k",
            "/a",
            "/a/b",
            "/announce/k/stats",
            "/scrape/k/stats",
            "/x/k/announce",
            "/announce/k/announce/announce",
            "/announcer/k",
            "http://host/announce/k",
        ] {
            assert_eq!(parse(target, 0), Err(Error::Elsewhere), "{target}");
        }
        assert_eq!(parse("/announce/k", 3), Err(Error::Elsewhere));
        assert_eq!(parse("/announce/k", usize::MAX), Err(Error::Elsewhere));
    }
}
