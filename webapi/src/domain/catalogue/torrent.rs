//! Rules for one torrent: who may change it, and which of its names the search finds.

pub mod announce;
pub mod changes;
pub mod file_name;
pub mod files;
pub mod foreign;
pub mod listing;
pub mod metainfo_limits;
pub mod searches;
pub mod text;
pub mod upload;

use deadpool_postgres::Transaction;

use crate::db::catalogue::change::Change;
use crate::db::catalogue::torrent::Summary;
use crate::db::{self};
use crate::domain::member::Member;
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::id::TorrentId;

/// Files of a torrent whose names the search finds.
pub const SEARCHED_FILES: usize = 200;

/// Bytes of file names of a torrent that the search finds.
const SEARCHED_BYTES: usize = 50_000;

/// Whether `member` may edit and delete `torrent`: its uploader and staff.
pub fn may_change(member: &Member, torrent: &Summary) -> bool {
    member.may(Permission::TorrentEditAny) || torrent.uploader.as_ref().is_some_and(|it| it.id == member.id)
}

/// Refuses a member who may not change `torrent`.
pub fn check_change(member: &Member, torrent: &Summary) -> Result<(), Error> {
    let allowed = may_change(member, torrent);
    allowed.then_some(()).ok_or(Error::Forbidden("only its uploader and moderators may change this torrent"))
}

/// The file names that the search finds, in one text.
pub fn searched_names<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let mut names = String::new();
    for path in paths.take(SEARCHED_FILES) {
        if names.len() + path.len() > SEARCHED_BYTES {
            break;
        }
        names.push_str(path);
        names.push(' ');
    }
    names
}

/// Stores the checked texts of torrent `id` that `member` edited, and updates the search.
///
/// # Errors
/// [`Error::TooManyRequests`] for a member who edited `per_day` torrents today.
pub async fn change(
    transaction: &Transaction<'_>,
    per_day: u32,
    member: &Member,
    id: TorrentId,
    texts: &text::Texts,
) -> Result<(), Error> {
    changes::count(transaction, member.id, Change::Edit, per_day).await?;
    let limit = i64::try_from(SEARCHED_FILES).unwrap_or(i64::MAX);
    let files = db::catalogue::file::list(transaction, id, None, limit).await?;
    let edit = db::catalogue::torrent::Edit {
        title: &texts.title,
        description: &texts.description,
        extended: texts.extended.as_ref(),
        file_names: &searched_names(files.iter().map(|it| it.path.as_str())),
    };
    let found = db::catalogue::torrent::update(transaction, id, &edit).await?;
    found.then_some(()).ok_or(Error::NotFound("torrent"))
}
