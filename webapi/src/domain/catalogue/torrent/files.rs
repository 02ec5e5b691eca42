//! A torrent's files, page by page.

use deadpool_postgres::GenericClient;

use crate::db::catalogue::file::File;
use crate::db::{self};
use crate::error::Error;
use crate::id::TorrentId;

/// Most files on a page, and the number if the request names none.
pub const PAGE: u16 = 2000;

/// A page of a torrent's files.
#[derive(Debug)]
pub struct Page {
    /// In the order in which the torrent lists them.
    pub files: Vec<File>,
    /// Position of the last file, after which the next page begins; `None` on the last page.
    pub next: Option<i32>,
}

/// The first `limit` files of torrent `id` after the position `after`.
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
    let more = files.len() > usize::from(limit);
    files.truncate(usize::from(limit));
    let next = files.last().filter(|_| more).map(|it| it.position);
    Ok(Page { files, next })
}
