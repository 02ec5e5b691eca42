//! A scrape in a datagram.

use std::borrow::Cow;

use super::options::{NOP, URL_DATA, read_url, write_url};
use super::{Error, SCRAPE, write_header};
use crate::InfoHash;
use crate::scrape::{self, MAX_HASHES};

/// Offsets at which options are tried, at most, beginning at the end of the datagram. By chance a hash looks like the
/// beginning of options less than once in a million.
const MAX_OFFSETS: usize = 4;

/// The torrents that a scrape asks about, and the URL that the client sends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrape<'a> {
    /// In the order asked, one to [`MAX_HASHES`].
    pub hashes: &'a [[u8; 20]],
    /// Path and query of the announce or scrape URL, empty when the client did not send them.
    pub url: Cow<'a, [u8]>,
}

impl<'a> Scrape<'a> {
    /// Reads the bytes of [`super::Action::Scrape`].
    ///
    /// BEP 15 has no number of hashes, and BEP 41 describes announces only. So options are taken to begin after the
    /// last hash that is followed by an announce or scrape URL; hashes do not look like one. Options must begin with
    /// the URL, and few offsets are tried, so that a datagram full of options costs no more than others.
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        let (hashes, rest) = body.as_chunks::<20>();
        let options = |count: usize| read_url(&body[20 * count..]).ok().filter(|url| is_route(url));
        let mut candidates =
            (0..=hashes.len()).rev().filter(|count| begins_url(&body[20 * count..])).take(MAX_OFFSETS);
        let found = candidates.find_map(|count| options(count).map(|url| (count, url)));
        let (count, url) = found.unwrap_or((hashes.len(), Cow::Borrowed(&rest[..0])));
        match count {
            0 => Err(scrape::Error::Missing.into()),
            1..=MAX_HASHES => Ok(Self { hashes: &hashes[..count], url }),
            _ => Err(scrape::Error::TooMany.into()),
        }
    }

    /// The hashes in the order asked.
    pub fn hashes(&self) -> impl Iterator<Item = InfoHash> {
        self.hashes.iter().map(|hash| InfoHash::from(*hash))
    }

    /// Appends the datagram of this scrape.
    pub fn write(&self, connection: u64, transaction: u32, out: &mut Vec<u8>) {
        write_header(connection, SCRAPE, transaction, out);
        out.extend_from_slice(self.hashes.as_flattened());
        write_url(&self.url, out);
    }
}

/// Whether options may begin here: with the first part of a path, after padding shorter than a hash.
fn begins_url(options: &[u8]) -> bool {
    let padding = options.iter().take(20).take_while(|byte| **byte == NOP).count();
    matches!(options[padding..], [URL_DATA, length, b'/', ..] if length > 0)
}

/// Whether the URL may be one that [`crate::route::Route`] reads.
fn is_route(url: &[u8]) -> bool {
    let says = |word: &[u8]| url.windows(word.len()).any(|part| part == word);
    url.starts_with(b"/") && (says(b"announce") || says(b"scrape"))
}
