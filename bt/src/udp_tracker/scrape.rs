//! A scrape as it comes in a datagram.

use std::borrow::Cow;

use super::options::{NOP, URL_DATA, read_url, write_url};
use super::{Error, SCRAPE, write_header};
use crate::InfoHash;
use crate::scrape::{self, MAX_HASHES};

/// Places where options may begin that are looked at, the last ones of a datagram: by chance a hash looks like one less
/// than once in a million.
const MAX_PLACES: usize = 4;

/// Torrents that are asked about, and the URL that the client has for them.
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
    /// BEP 15 does not count the hashes and BEP 41 speaks of announces only. The options begin where
    /// the last hash could end and what follows holds an announce or scrape URL; hashes do not look like one. So that a
    /// datagram of options costs no more than others, they must begin with the URL, and few places are tried.
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        let (hashes, rest) = body.as_chunks::<20>();
        let options = |count: usize| read_url(&body[20 * count..]).ok().filter(|url| is_route(url));
        let mut places =
            (0..=hashes.len()).rev().filter(|count| begins_url(&body[20 * count..])).take(MAX_PLACES);
        let found = places.find_map(|count| options(count).map(|url| (count, url)));
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

/// Whether options may begin here: with the first piece of a path, after any padding that is shorter than a hash.
fn begins_url(options: &[u8]) -> bool {
    let padding = options.iter().take(20).take_while(|byte| **byte == NOP).count();
    matches!(options[padding..], [URL_DATA, length, b'/', ..] if length > 0)
}

/// Whether it may be one of the shapes that [`crate::route::Route`] reads.
fn is_route(url: &[u8]) -> bool {
    let says = |word: &[u8]| url.windows(word.len()).any(|part| part == word);
    url.starts_with(b"/") && (says(b"announce") || says(b"scrape"))
}
