//! Uploads: reads, checks and stores a .torrent file, and says whether its uploader can seed with their own file.

use bt::bencode::Limits;
use bt::metainfo::{Hashes, Metainfo, with_private};
use deadpool_postgres::{GenericClient, Transaction};

use super::announce::AnnounceUrls;
use super::metainfo_limits::{MetainfoLimits, ParsePermit};
use super::text::{Texts, Typed};
use super::{changes, foreign, searched_names};
use crate::db::catalogue::change::Change;
use crate::db::catalogue::torrent::NewTorrent;
use crate::db::{self};
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::{TorrentId, UserId};

/// The message for a file that is no bencoded dictionary, and so no .torrent file.
pub const NO_TORRENT: &str = "This is not a .torrent file. Choose the one that your client made.";

/// An unchecked upload.
#[derive(Debug, Default)]
pub struct Upload {
    /// The .torrent file.
    pub file: Vec<u8>,
    /// The texts typed into the form.
    pub typed: Typed,
}

/// Limits on uploads.
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
    /// The site has the torrent already.
    Exists {
        /// Id of that torrent.
        id: TorrentId,
        /// Its title.
        title: String,
    },
    /// Any other error.
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
    /// The info hashes of the stored metainfo, which has `private=1`.
    pub hashes: Hashes,
    /// Whether the uploader must download the site's file to seed.
    pub redownload: Redownload,
}

/// Why the uploader cannot seed with their own file, if they cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redownload {
    /// `private=1` was added, so that their file has another info hash.
    pub other_hash: bool,
    /// Their file announces to another tracker, to several, or without the member's announce key.
    pub other_tracker: bool,
}

impl Redownload {
    /// Whether the uploader must download the site's file.
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

/// A checked upload, ready to be stored.
#[derive(Debug)]
pub struct Ready {
    metainfo: ReadMetainfo,
    texts: Texts,
    /// Held until the torrent is stored.
    _permit: ParsePermit,
}

/// The parts of a .torrent file that are stored or compared.
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
    /// Reads and checks file and texts, on a blocking thread, after waiting for a [`ParsePermit`] of `under_way`. It
    /// needs no database connection.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong with each field, [`Error::TooLarge`] for a file over `max.bytes`.
    pub async fn check(self, under_way: &MetainfoLimits, max: &MaxUpload) -> Result<Ready, Error> {
        let Self { file, typed } = self;
        if file.is_empty() {
            return Err(Error::field("torrent", "Choose a .torrent file."));
        }
        check_size(file.len(), max.bytes)?;
        let limits = Limits { tokens: max.tokens, ..Limits::default() };
        let permit = under_way.parse_permit().await?;
        let read = tokio::task::spawn_blocking(move || (ReadMetainfo::read(&file, &limits), permit));
        let (metainfo, permit) = read.await.map_err(anyhow::Error::from)?;
        // The texts are checked even if the file is wrong, so that the form shows all problems at once.
        let texts = typed.check(metainfo.as_ref().ok().map(|it| it.name.as_str()).or(Some("_")));
        match (metainfo, texts) {
            (Ok(metainfo), Ok(texts)) => Ok(Ready { metainfo, texts, _permit: permit }),
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

/// The message for a .torrent file of more than `limit` bytes.
pub fn too_large(limit: usize) -> String {
    let limit = infra::units::size(limit as u64);
    format!("The .torrent file is larger than {limit}; make it again with larger pieces.")
}

/// Id and title of the stored torrent that has one of these hashes, if any.
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
    /// The info hashes of the metainfo with `private=1`.
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

    /// Stores the torrent with its files, uploaded by `member`. `None` if the site has a torrent with one of its
    /// hashes: the caller must roll the transaction back then.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] for a member who has uploaded `per_day` torrents today, [`Error::Invalid`] for sizes
    /// above 2^63 - 1 bytes.
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

    /// Whether `member` must download the site's file to seed, and why.
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
