//! The interface that all clients share: [`Remote`], and the types of its requests and answers.

use std::time::Duration;

use async_trait::async_trait;
use bt::InfoHash;
use serde::{Deserialize, Serialize};

use crate::{Endpoint, Error, Qbittorrent, Rtorrent, Transmission};

/// Longest wait, after a program's answer to `add`, for the torrent to appear in its list.
pub(crate) const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause between two reads of the list.
pub(crate) const LIST_PAUSE: Duration = Duration::from_millis(50);

/// A client program that can be controlled remotely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// Transmission, by its RPC in both dialects: up to 4.0, and JSON-RPC 2.0 from 4.1.
    Transmission,
    /// qBittorrent 4 and 5, by its Web API.
    Qbittorrent,
    /// rtorrent, by XML-RPC over SCGI or HTTP.
    Rtorrent,
}

/// Remote control of a running client.
///
/// If `add` gets no answer, the client may have added the torrent all the same. Just after its start, a client that has
/// not read its torrents yet lists none of them.
#[async_trait]
pub trait Remote: Send + Sync {
    /// The program's version, such as "4.5.2".
    async fn version(&self) -> Result<String, Error>;

    /// Adds a torrent, and returns when the client lists it.
    ///
    /// A torrent that the client has already is no error: the client starts it, unless `paused` is set, and checks its
    /// content first if something is missing. Transmission then looks for the content in the new folder.
    async fn add(&self, addition: &Addition<'_>) -> Result<Added, Error>;

    /// All torrents of the client.
    async fn torrents(&self) -> Result<Vec<Torrent>, Error>;

    /// The torrent with this info hash: version 1 if it has one, else truncated version 2.
    async fn find(&self, info_hash: &InfoHash) -> Result<Option<Torrent>, Error>;

    /// Starts a torrent that is stopped or was added paused.
    async fn start(&self, info_hash: &InfoHash) -> Result<(), Error>;

    /// Stops a torrent.
    async fn stop(&self, info_hash: &InfoHash) -> Result<(), Error>;

    /// Removes a torrent, and deletes its files if `with_data` is set. An unknown torrent is no error.
    async fn remove(&self, info_hash: &InfoHash, with_data: bool) -> Result<(), Error>;
}

/// A torrent to add.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// The .torrent file.
    pub metainfo: &'a [u8],
    /// Folder for the content on the client's machine; the content is stored as FOLDER/NAME.
    pub folder: &'a str,
    /// A label: qBittorrent's category, Transmission's label, rtorrent's `custom1`.
    pub label: Option<&'a str>,
    /// Whether the client must not start it.
    pub paused: bool,
}

/// The result of an [`Addition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The client has added it.
    New,
    /// The client had it already.
    Known,
}

/// The state of a torrent in a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torrent {
    /// The info hash of version 1 if there is one, else truncated version 2.
    pub info_hash: InfoHash,
    /// The name of the file or folder on the client's disk.
    pub name: String,
    /// What the client does with it.
    pub activity: Activity,
    /// Bytes of the files that the client shall download.
    pub size: u64,
    /// Bytes that the client has, checked.
    pub done: u64,
    /// Bytes that the client lacks.
    pub left: u64,
    /// The folder that contains `name`.
    pub folder: String,
    /// Path of the file or folder. It may be in a temporary folder until [`Torrent::is_finished`].
    pub path: String,
    /// The [`Addition::label`]; empty if there is none.
    pub label: String,
}

/// What a client does with a torrent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// It checks the content, moves files, or waits to do so.
    #[default]
    Checking,
    /// It downloads: the content is incomplete.
    Leeching,
    /// It seeds: the content is complete.
    Seeding,
    /// It has stopped, or was told to stop.
    Stopped,
    /// It cannot continue; holds the client's message. Failures of trackers do not count, since the client continues.
    Failed(String),
}

impl Program {
    /// Makes a remote control of the program at `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Url`] for a scheme that the program does not speak.
    pub fn connect(self, endpoint: Endpoint) -> Result<Box<dyn Remote>, Error> {
        Ok(match self {
            Self::Transmission => Box::new(Transmission::new(endpoint)?),
            Self::Qbittorrent => Box::new(Qbittorrent::new(endpoint)?),
            Self::Rtorrent => Box::new(Rtorrent::new(endpoint)?),
        })
    }
}

impl Torrent {
    /// Whether all files are complete, checked, and in their final folder.
    pub fn is_finished(&self) -> bool {
        self.left == 0 && matches!(self.activity, Activity::Seeding | Activity::Stopped)
    }
}

/// The path of `name` in `folder`, on a machine whose paths have slashes.
pub(crate) fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}
