//! Cursors, by which lists are paged: the sort keys of a page's last row, as a text that is opaque to tools.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Rows on a page if the request names no number.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most rows on a page.
pub const MAX_LIMIT: u16 = 100;

/// The cursor of the page that begins after the row with these keys.
pub fn encode(keys: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(keys).map_err(|error| Error::Internal(error.into()))?;
    Ok(BASE64URL_NOPAD.encode(&json))
}

/// The keys in a cursor that [`encode`] made.
pub fn decode<T: DeserializeOwned>(cursor: &str) -> Result<T, Error> {
    let json = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok().filter(|json| !holds_nul(json));
    let keys = json.and_then(|it| serde_json::from_slice(&it).ok());
    keys.ok_or_else(foreign)
}

/// The error for a cursor that [`encode`] did not make.
pub fn foreign() -> Error {
    Error::Parameters("after: pass on what `next` of the page before was".to_owned())
}

/// Whether a string in `json` contains the character NUL, which JSON always escapes.
pub fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

/// Cuts `rows`, of which one more than `limit` was fetched, to `limit`. Returns the cursor of the next page if there
/// is one; `keys` gives a row's sort keys.
pub fn cut<T, K: Serialize>(
    rows: &mut Vec<T>,
    limit: i64,
    keys: impl Fn(&T) -> K,
) -> Result<Option<String>, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return Ok(None);
    }
    rows.truncate(limit);
    rows.last().map(|last| encode(&keys(last))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_went_and_others_are_refused() {
        let cursor = encode(&(7, "é")).expect("a cursor");
        assert_eq!(decode::<(i32, String)>(&cursor).expect("keys"), (7, "é".to_owned()));
        let nul = encode(&(7, "a\0")).expect("a cursor");
        for wrong in ["", "!", "e30", &cursor[1..], &nul] {
            assert!(decode::<(i32, String)>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_full_page_is_followed_by_another() {
        let mut rows = vec![1, 2, 3];
        let next = cut(&mut rows, 2, |it| *it).expect("a cursor");
        assert_eq!(rows, [1, 2]);
        assert_eq!(decode::<i32>(&next.expect("a next page")).expect("a key"), 2);
        assert_eq!(cut(&mut rows, 2, |it| *it).expect("a cursor"), None);
    }
}
