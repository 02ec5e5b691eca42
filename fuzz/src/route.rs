//! The target of a request: a valid key has 40 characters, and all forms of an announce URL mean the same.

use bt::route::{Action, Route};
use bt::token::{TEXT_LEN, Token};

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "/announce",
    "/scrape",
    "announce/",
    "?passkey=",
    "&passkey=",
    "//",
    "abcdefghijklmnopqrstuvwxyz234567abcdefgh",
];

/// Checks `data` as the number of path segments to ignore, and a target.
pub fn check(data: &[u8]) {
    let Some((depth, target)) = data.split_first() else { return };
    let depth = usize::from(depth % 4);
    let (route, held) = memory::peak(|| Route::parse(target, depth));
    assert_eq!(held, 0, "reading takes no memory");
    // One segment more in the path, and one more to ignore, must change nothing.
    if target.starts_with(b"/") {
        assert_eq!(Route::parse(&[b"/a", target].concat(), depth + 1), route);
    }
    let Ok(route) = route else { return };
    assert!(!route.key.is_empty());
    assert!(target.ends_with(route.query));
    let Some(token) = Token::parse(route.key) else { return };
    assert_eq!(route.key.len(), TEXT_LEN);
    let text = token.to_string();
    assert_eq!(text.as_bytes(), route.key.to_ascii_lowercase());
    let action = match route.action {
        Action::Announce => "announce",
        Action::Scrape => "scrape",
    };
    let expected = Ok(Route { key: text.as_bytes(), ..route });
    for path in
        [format!("/announce/{text}/{action}?"), format!("/{action}/{text}/?"), format!("/{text}/{action}?")]
    {
        assert_eq!(Route::parse(&[path.as_bytes(), route.query].concat(), 0), expected, "{path}");
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let key = Token::new(&[1; 32], 7, &[]).to_string();
    let targets = [
        (0, format!("/announce/{key}/announce?info_hash=a&port=1")),
        (0, format!("/{key}/announce")),
        (0, format!("/scrape/{}/", key.to_uppercase())),
        (0, format!("/announce?compact=1&passkey={key}&port=1")),
        (2, format!("/some/where/announce/{key}/scrape?info_hash=a")),
        (1, "/announce".to_owned()),
    ];
    targets.into_iter().map(|(depth, target)| [&[depth], target.as_bytes()].concat()).collect()
}
