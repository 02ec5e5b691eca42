//! From the bytes of a .torrent file to a stored torrent, and whether its uploader can go on with the file they have.

use bt::bencode::Limits;
use bt::metainfo::{Hashes, Metainfo, with_private};
use deadpool_postgres::{GenericClient, Object};

use super::text::Typed;
use super::turns::Turn;
use super::{announce, changes, foreign, searched_names};
use crate::app::App;
use crate::db::{self, change::Change, torrent::NewTorrent};
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::TorrentId;

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
    /// Of the torrent.
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
struct Ready {
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

/// The turn of `member` to upload a torrent, before any of it is read.
///
/// # Errors
/// [`Error::TooManyRequests`] while another upload of theirs is under way, and after too many on one day.
pub async fn admit(app: &App, member: &Member) -> Result<Turn, Error> {
    let turn = app.turns.upload(member.id)?;
    let client = app.connection().await?;
    changes::check(app, &client, member.id, Change::Upload).await?;
    Ok(turn)
}

/// Reads, checks and stores an upload of `member`, whose turn it is meanwhile.
pub async fn store(app: &App, member: &Member, upload: Upload) -> Result<Stored, Refusal> {
    let Upload { file, typed } = upload;
    if file.is_empty() {
        return Err(Error::field("torrent", "Choose a .torrent file.").into());
    }
    check_size(app, file.len())?;
    let limits = Limits { tokens: app.config.webapi.upload_max_tokens, ..Limits::default() };
    let slot = app.turns.slot().await?;
    let read = tokio::task::spawn_blocking(move || (Ready::read(&file, &limits), slot));
    let (ready, _slot) = read.await.map_err(anyhow::Error::from)?;
    // Both the file's fault and those of the texts are told at once.
    let texts = typed.check(ready.as_ref().ok().map(|it| it.name.as_str()).or(Some("_")));
    let (ready, texts) = match (ready, texts) {
        (Ok(ready), Ok(texts)) => (ready, texts),
        (Err(problem), Err(Error::Invalid(mut fields))) => {
            fields.insert("torrent", problem);
            return Err(Error::Invalid(fields).into());
        }
        (Err(problem), _) => return Err(Error::field("torrent", problem).into()),
        (_, Err(error)) => return Err(error.into()),
    };
    let id = insert(app, member, &ready, &texts).await?;
    Ok(Stored { id, hashes: ready.hashes, redownload: ready.redownload(app, member) })
}

/// Refuses a .torrent file of more bytes than configured.
pub fn check_size(app: &App, bytes: usize) -> Result<(), Error> {
    let limit = app.config.webapi.upload_max_bytes;
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::TooLarge(too_large(limit)))
}

/// Said of a .torrent file of more than `limit` bytes.
pub fn too_large(limit: usize) -> String {
    let limit = infra::units::size(limit as u64);
    format!("The .torrent file is larger than {limit}; make it again with larger pieces.")
}

async fn insert(
    app: &App,
    member: &Member,
    ready: &Ready,
    texts: &super::text::Texts,
) -> Result<TorrentId, Refusal> {
    let too_large = |_| Error::field("torrent", "The torrent's sizes are too large to be stored.");
    let new = NewTorrent {
        info_hash_v1: ready.hashes.v1,
        info_hash_v2: ready.hashes.v2,
        title: &texts.title,
        description: &texts.description,
        extended: texts.extended.as_ref(),
        size: ready.size.try_into().map_err(too_large)?,
        file_count: ready.files.len().try_into().map_err(too_large)?,
        uploader_id: member.id,
        file_names: &searched_names(ready.files.iter().map(|it| it.path.as_str())),
        info: &ready.info,
        piece_layers: ready.piece_layers.as_deref(),
    };
    let sized = ready.files.iter().map(|it| Ok((it.path.as_str(), it.size.try_into()?)));
    let files: Result<Vec<(&str, i64)>, std::num::TryFromIntError> = sized.collect();
    let files = files.map_err(too_large)?;

    let mut client = app.connection().await?;
    let stored = write(app, member, &mut client, ready, &new, &files).await;
    if app.turns.finish(ready.info.len(), files.len()) {
        // A connection keeps buffers as large as the largest statement.
        drop(Object::take(client));
    }
    stored
}

async fn write(
    app: &App,
    member: &Member,
    client: &mut Object,
    ready: &Ready,
    new: &NewTorrent<'_>,
    files: &[(&str, i64)],
) -> Result<TorrentId, Refusal> {
    let transaction = client.transaction().await?;
    changes::count(app, &transaction, member.id, Change::Upload).await?;
    let stored = async {
        let id = db::torrent::insert(&transaction, new).await?;
        db::file::insert(&transaction, id, files).await?;
        Ok::<TorrentId, tokio_postgres::Error>(id)
    };
    match stored.await {
        Ok(id) => {
            transaction.commit().await?;
            Ok(id)
        }
        Err(error) if infra::db::violated(&error).is_some_and(|it| it.starts_with("torrents_info_hash")) => {
            transaction.rollback().await?;
            Err(exists(&*client, &ready.hashes, error).await)
        }
        Err(error) => Err(error.into()),
    }
}

async fn exists(client: &impl GenericClient, hashes: &Hashes, violation: tokio_postgres::Error) -> Refusal {
    let names = [hashes.v1, hashes.v2.map(|it| it.truncated())];
    for info_hash in names.into_iter().flatten() {
        match db::torrent::find_by_hash(client, info_hash).await {
            Ok(Some((id, title))) => return Refusal::Exists { id, title },
            Ok(None) => {}
            Err(error) => return error.into(),
        }
    }
    // It was deleted in between.
    violation.into()
}

impl Ready {
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

    fn redownload(&self, app: &App, member: &Member) -> Redownload {
        let own = self
            .announce
            .as_ref()
            .is_some_and(|it| announce::is_own(app, member, self.hashes.canonical(), it));
        Redownload { other_hash: self.spliced, other_tracker: !own || self.has_announce_list }
    }
}
