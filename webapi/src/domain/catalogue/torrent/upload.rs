//! From the bytes of a .torrent file to a stored torrent, and whether its uploader can go on with the file they have.

use bt::bencode::Limits;
use bt::metainfo::{Hashes, Metainfo, with_private};
use deadpool_postgres::{GenericClient, Transaction};

use super::announce::AnnounceUrls;
use super::text::{Texts, Typed};
use super::turns::{Slot, Turns};
use super::{changes, foreign, searched_names};
use crate::db::catalogue::change::Change;
use crate::db::catalogue::torrent::NewTorrent;
use crate::db::{self};
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::{TorrentId, UserId};

/// Said of a file that is no bencoded dictionary, and so no .torrent: a picture, a page, an archive.
pub const NO_TORRENT: &str = "This is not a .torrent file. Choose the one that your client made.";

/// An upload as it came.
#[derive(Debug, Default)]
pub struct Upload {
    /// The .torrent file.
    pub file: Vec<u8>,
    /// What was typed beside it.
    pub typed: Typed,
}

/// What an upload may have.
#[derive(Debug, Clone, Copy)]
pub struct MaxUpload {
    /// Bytes of the .torrent file: `webapi.uploadMaxBytes`.
    pub bytes: usize,
    /// Bencoded values in it: `webapi.uploadMaxTokens`.
    pub tokens: usize,
    /// Torrents that a member may add on one day (UTC): `webapi.uploadsPerDay`.
    pub per_day: u32,
}

/// Why an upload was not stored.
#[derive(Debug)]
pub enum Refusal {
    /// The torrent is here already.
    Exists {
        /// Of the torrent that is here.
        id: TorrentId,
        /// Its title.
        title: String,
    },
    /// Anything else.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// A torrent that was stored.
#[derive(Debug)]
pub struct Stored {
    /// The torrent's id.
    pub id: TorrentId,
    /// As the metainfo is now, with `private`.
    pub hashes: Hashes,
    /// Whether the uploader can go on with their file.
    pub redownload: Redownload,
}

/// What stands between the uploader's own file and the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redownload {
    /// `private` was set: their file names another torrent.
    pub other_hash: bool,
    /// It does not announce to us, or not in the member's name, or not only to us.
    pub other_tracker: bool,
}

impl Redownload {
    /// Whether the member must download our file.
    pub fn is_needed(self) -> bool {
        self.other_hash || self.other_tracker
    }

    /// What changed and what to do, in sentences.
    pub fn reason(self) -> &'static str {
        match (self.other_hash, self.other_tracker) {
            (false, false) => "Your own file is right as it is: open it in your client and seed.",
            (true, _) => {
                "The private flag was added, which gives the torrent another info hash, and your file announces \
                 to another swarm. Download our file and open it in your client, pointed at the data you have: \
                 the client checks the data and then seeds."
            }
            (false, true) => {
                "Your file announces to another tracker, or not with your own announce URL alone. Download our \
                 file and open it in your client, pointed at the data you have: the client checks the data and \
                 then seeds."
            }
        }
    }
}

/// An upload read and checked, ready to be stored.
#[derive(Debug)]
pub struct Ready {
    metainfo: ReadMetainfo,
    texts: Texts,
    /// Kept until the torrent is stored.
    _slot: Slot,
}

/// What is stored of a .torrent file.
#[derive(Debug)]
struct ReadMetainfo {
    info: Vec<u8>,
    piece_layers: Option<Vec<u8>>,
    hashes: Hashes,
    name: String,
    files: Vec<bt::metainfo::File>,
    size: u64,
    announce: Option<Vec<u8>>,
    has_announce_list: bool,
    spliced: bool,
}

impl Upload {
    /// Reads and checks file and texts, on a blocking thread once one of `turns` is free. No database connection is
    /// needed meanwhile.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong with the fields, [`Error::TooLarge`].
    pub async fn check(self, turns: &Turns, max: &MaxUpload) -> Result<Ready, Error> {
        let Self { file, typed } = self;
        if file.is_empty() {
            return Err(Error::field("torrent", "Choose a .torrent file."));
        }
        check_size(file.len(), max.bytes)?;
        let limits = Limits { tokens: max.tokens, ..Limits::default() };
        let slot = turns.slot().await?;
        let read = tokio::task::spawn_blocking(move || (ReadMetainfo::read(&file, &limits), slot));
        let (metainfo, slot) = read.await.map_err(anyhow::Error::from)?;
        // Both the file's fault and those of the texts are told at once.
        let texts = typed.check(metainfo.as_ref().ok().map(|it| it.name.as_str()).or(Some("_")));
        match (metainfo, texts) {
            (Ok(metainfo), Ok(texts)) => Ok(Ready { metainfo, texts, _slot: slot }),
            (Err(problem), Err(Error::Invalid(mut fields))) => {
                fields.insert("torrent", problem);
                Err(Error::Invalid(fields))
            }
            (Err(problem), _) => Err(Error::field("torrent", problem)),
            (_, Err(error)) => Err(error),
        }
    }
}

/// Refuses a .torrent file of more than `limit` bytes.
pub fn check_size(bytes: usize, limit: usize) -> Result<(), Error> {
    if bytes <= limit { Ok(()) } else { Err(Error::TooLarge(too_large(limit))) }
}

/// Said of a .torrent file of more than `limit` bytes.
pub fn too_large(limit: usize) -> String {
    let limit = infra::units::size(limit as u64);
    format!("The .torrent file is larger than {limit}; make it again with larger pieces.")
}

/// The torrent that is here already with one of these hashes.
pub async fn existing(
    client: &impl GenericClient,
    hashes: &Hashes,
) -> Result<Option<(TorrentId, String)>, Error> {
    for info_hash in [hashes.v1, hashes.v2.map(|it| it.truncated())].into_iter().flatten() {
        if let Some(found) = db::catalogue::torrent::find_by_hash(client, info_hash).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl Ready {
    /// The torrent's hashes, as its metainfo is now, with `private`.
    pub fn hashes(&self) -> Hashes {
        self.metainfo.hashes
    }

    /// Bytes of the `info` dictionary.
    pub fn info_bytes(&self) -> usize {
        self.metainfo.info.len()
    }

    /// How many files the torrent has, without pad files.
    pub fn file_count(&self) -> usize {
        self.metainfo.files.len()
    }

    /// Stores the torrent with its files, uploaded by `member`. `None` where one of its hashes is here already: the
    /// transaction has to be rolled back then.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] for a member who uploaded `per_day` torrents today, [`Error::Invalid`] for sizes that
    /// cannot be stored.
    pub async fn insert(
        &self,
        transaction: &Transaction<'_>,
        member: UserId,
        per_day: u32,
    ) -> Result<Option<TorrentId>, Error> {
        let Self { metainfo, texts, .. } = self;
        let too_large = |_| Error::field("torrent", "The torrent's sizes are too large to be stored.");
        let new = NewTorrent {
            info_hash_v1: metainfo.hashes.v1,
            info_hash_v2: metainfo.hashes.v2,
            title: &texts.title,
            description: &texts.description,
            extended: texts.extended.as_ref(),
            size: metainfo.size.try_into().map_err(too_large)?,
            file_count: metainfo.files.len().try_into().map_err(too_large)?,
            uploader_id: member,
            file_names: &searched_names(metainfo.files.iter().map(|it| it.path.as_str())),
            info: &metainfo.info,
            piece_layers: metainfo.piece_layers.as_deref(),
        };
        let sized = metainfo.files.iter().map(|it| Ok((it.path.as_str(), it.size.try_into()?)));
        let files: Result<Vec<(&str, i64)>, std::num::TryFromIntError> = sized.collect();
        let files = files.map_err(too_large)?;
        changes::count(transaction, member, Change::Upload, per_day).await?;
        let stored = async {
            let id = db::catalogue::torrent::insert(transaction, &new).await?;
            db::catalogue::file::insert(transaction, id, &files).await?;
            Ok::<TorrentId, tokio_postgres::Error>(id)
        };
        match stored.await {
            Ok(id) => Ok(Some(id)),
            Err(error)
                if infra::db::violated(&error).is_some_and(|it| it.starts_with("torrents_info_hash")) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether `member` can go on with the file that they sent.
    pub fn redownload(&self, urls: &AnnounceUrls, member: &Member) -> Redownload {
        let Self { metainfo, .. } = self;
        let announce = metainfo.announce.as_ref();
        let own = announce.is_some_and(|it| urls.is_own(member, metainfo.hashes.canonical(), it));
        Redownload { other_hash: metainfo.spliced, other_tracker: !own || metainfo.has_announce_list }
    }
}

impl ReadMetainfo {
    fn read(file: &[u8], limits: &Limits) -> Result<Self, String> {
        if file.first() != Some(&b'd') {
            return Err(foreign::kind(file).map_or_else(
                || NO_TORRENT.to_owned(),
                |kind| format!("This is {kind}, not a .torrent file. Choose the .torrent file itself."),
            ));
        }
        let metainfo = Metainfo::parse(file, limits).map_err(|problem| problem.to_string())?;
        let info = with_private(metainfo.info).into_owned();
        Ok(Self {
            hashes: Hashes::of(&info, metainfo.kind),
            spliced: info != metainfo.info,
            info,
            piece_layers: metainfo.piece_layers.map(<[u8]>::to_vec),
            name: metainfo.name,
            files: metainfo.files,
            size: metainfo.size,
            announce: metainfo.announce.map(<[u8]>::to_vec),
            has_announce_list: metainfo.has_announce_list,
        })
    }
}
