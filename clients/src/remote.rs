//! What every client can be asked, in one vocabulary.

use std::time::Duration;

use async_trait::async_trait;
use bt::InfoHash;
use serde::{Deserialize, Serialize};

use crate::{Endpoint, Error, Qbittorrent, Rtorrent, Transmission};

/// Longest time between a program's answer to `add` and the torrent's appearance in its list.
pub(crate) const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between two looks at its list.
pub(crate) const LIST_PAUSE: Duration = Duration::from_millis(50);

/// A client program that can be controlled from afar.
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

/// A running client.
///
/// Adding is at least once: a torrent whose addition got no answer may be there all the same. Just after its start a client
/// may not have read its torrents yet, and lacks those that it has.
#[async_trait]
pub trait Remote: Send + Sync {
    /// The program's version, such as "4.5.2".
    async fn version(&self) -> Result<String, Error>;

    /// Adds a torrent, and returns once the client lists it.
    ///
    /// A torrent that it has already is no error. The client starts that unless it is to be `paused`, after checking its
    /// content where something lacks; Transmission looks for it in the new folder from then on.
    async fn add(&self, addition: &Addition<'_>) -> Result<Added, Error>;

    /// All torrents.
    async fn torrents(&self) -> Result<Vec<Torrent>, Error>;

    /// The torrent of that info hash: version 1 where it has one, else truncated version 2.
    async fn find(&self, info_hash: &InfoHash) -> Result<Option<Torrent>, Error>;

    /// Starts a torrent that is stopped or was added paused.
    async fn start(&self, info_hash: &InfoHash) -> Result<(), Error>;

    /// Stops a torrent.
    async fn stop(&self, info_hash: &InfoHash) -> Result<(), Error>;

    /// Removes a torrent, and deletes its files if `with_data`. A torrent that the client has not is no error.
    async fn remove(&self, info_hash: &InfoHash, with_data: bool) -> Result<(), Error>;
}

/// A torrent to add.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// The .torrent file.
    pub metainfo: &'a [u8],
    /// A folder of the client's machine, which will hold the content as FOLDER/NAME.
    pub folder: &'a str,
    /// A word for people: qBittorrent's category, Transmission's label, rtorrent's `custom1`.
    pub label: Option<&'a str>,
    /// Whether the client is not to start it.
    pub paused: bool,
}

/// What became of an [`Addition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The client has it now.
    New,
    /// The client had it already.
    Known,
}

/// A torrent, as a client has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torrent {
    /// Version 1 where there is one, else truncated version 2.
    pub info_hash: InfoHash,
    /// The name of the file or folder, as the client has it on its disk.
    pub name: String,
    /// What the client does with it.
    pub activity: Activity,
    /// Bytes of the files that it wants.
    pub size: u64,
    /// Bytes that it has and has checked.
    pub done: u64,
    /// Bytes that it lacks.
    pub left: u64,
    /// The folder that holds `name`.
    pub folder: String,
    /// The file or folder itself. It may be in a temporary folder until [`Torrent::is_finished`].
    pub path: String,
    /// As given in [`Addition::label`]; empty without one.
    pub label: String,
}

/// What a client does with a torrent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// It compares its disk with the metainfo, moves files, or waits to do so.
    #[default]
    Checking,
    /// It lacks something.
    Leeching,
    /// It has everything.
    Seeding,
    /// It has stopped, or was told to.
    Stopped,
    /// It cannot go on, for the reason that it gives. Failures of trackers are none: it goes on.
    Failed(String),
}

impl Program {
    /// Makes a remote control. Nothing is sent yet.
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
    /// Whether all files are complete, checked, and where they belong.
    pub fn is_finished(&self) -> bool {
        self.left == 0 && matches!(self.activity, Activity::Seeding | Activity::Stopped)
    }
}

/// `name` in `folder`, on a machine whose paths have slashes.
pub(crate) fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}
