//! A torrent's files, page by page.

use deadpool_postgres::GenericClient;

use crate::db::catalogue::file::File;
use crate::db::{self};
use crate::error::Error;
use crate::id::TorrentId;

/// Most files on a page, and the number if the request names none.
pub const PAGE: u16 = 2000;

/// Most bytes of the paths on a page: more than 2000 usual paths have. Deep folders take many times as much as HTML.
const PAGE_BYTES: usize = 128 << 10;

/// A page of a torrent's files.
#[derive(Debug)]
pub struct Page {
    /// In the order in which the torrent lists them.
    pub files: Vec<File>,
    /// Position of the last file, after which the next page begins; `None` on the last page.
    pub next: Option<i32>,
}

/// The first `limit` files of torrent `id` after the position `after`, fewer if their paths are long.
///
/// # Errors
/// [`Error::BadRequest`] for a limit of 0 or above [`PAGE`].
pub async fn page(
    client: &impl GenericClient,
    id: TorrentId,
    after: Option<i32>,
    limit: Option<u16>,
) -> Result<Page, Error> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Error::BadRequest(format!("limit: expected 1 to {PAGE}")));
    }
    let mut files = db::catalogue::file::list(client, id, after, i64::from(limit) + 1).await?;
    let count = fitting(&files).min(usize::from(limit));
    let more = files.len() > count;
    files.truncate(count);
    let next = files.last().filter(|_| more).map(|it| it.position);
    Ok(Page { files, next })
}

/// How many files have a place on a page, at least one.
fn fitting(files: &[File]) -> usize {
    let mut bytes = 0;
    let fits = |file: &&File| {
        bytes += file.path.len();
        bytes <= PAGE_BYTES
    };
    files.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_take_the_place_of_several() {
        let files = |length: usize| vec![File { position: 0, path: "x".repeat(length), size: 1 }; 2000];
        assert_eq!(fitting(&files(60)), 2000);
        assert_eq!(fitting(&files(1024)), 128);
        assert_eq!(fitting(&files(PAGE_BYTES + 1)), 1);
    }
}
