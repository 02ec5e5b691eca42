//! The whole swarm at one moment, as the page shows it.

use serde::Serialize;

use crate::client::Kind;

/// Everything, a second old at most.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Picture {
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    pub(crate) clients: Vec<ClientStatus>,
    pub(crate) torrents: Vec<Torrent>,
    /// Where bytes move.
    pub(crate) edges: Vec<Edge>,
    /// Bytes that all clients have sent, and those of them that clients sent that were not given the content.
    pub(crate) sent: u64,
    pub(crate) sent_by_leechers: u64,
    /// The latest announces, the newest first, up to 100.
    pub(crate) announces: Vec<Announce>,
    /// What happened for the first time, in order.
    pub(crate) lessons: Vec<Lesson>,
    /// What became of sources, the newest first, up to 50.
    pub(crate) notices: Vec<Notice>,
    /// Packets that wanted to leave the network, in words; there should be none.
    pub(crate) outside: Vec<String>,
}

/// A client.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClientStatus {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Empty while unknown.
    pub(crate) version: String,
    /// Its first one.
    pub(crate) address: String,
    /// "starting", "running", "stopped", "dead", "cut off".
    pub(crate) state: &'static str,
    /// Why, where it is dead.
    pub(crate) reason: String,
    /// KiB a second that it is held to.
    pub(crate) rate: Option<u32>,
    /// Bytes a second.
    pub(crate) sending: u64,
    pub(crate) fetching: u64,
    /// Milliseconds since it last answered.
    pub(crate) age: u64,
}

/// A torrent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Torrent {
    /// Of the site.
    pub(crate) id: u32,
    pub(crate) title: String,
    /// In hex.
    pub(crate) info_hash: String,
    pub(crate) size: u64,
    pub(crate) pieces: u32,
    /// Seeders and leechers as the tracker counts them; none while it says nothing.
    pub(crate) tracker: Option<(u32, u32)>,
    /// As the clients say.
    pub(crate) clients: (u32, u32),
    /// Seconds from the upload until all clients had everything for the first time; none while one lacks something.
    pub(crate) completed: Option<u32>,
    /// One for each client that has the torrent.
    pub(crate) holders: Vec<Holder>,
}

/// What one client has of one torrent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Holder {
    /// Its place in [`Picture::clients`].
    pub(crate) client: usize,
    /// "seeding", "leeching", "checking", "stopped", "failed".
    pub(crate) activity: &'static str,
    /// Why, where it failed.
    pub(crate) reason: String,
    /// Whether it was given the content.
    pub(crate) origin: bool,
    /// Bytes.
    pub(crate) done: u64,
    /// Hex, one bit for each piece, the first in the highest bit.
    pub(crate) map: String,
    /// Seconds until it has everything, at its present rate.
    pub(crate) eta: Option<u64>,
}

impl Torrent {
    /// How many of so many clients have not everything, or not yet begun.
    pub(crate) fn lacking(&self, clients: usize) -> usize {
        clients.saturating_sub(self.holders.iter().filter(|it| it.has_all(self.size)).count())
    }
}

impl Holder {
    /// Whether it has, and has checked, all so many bytes. A program that does not run keeps what it has.
    pub(crate) fn has_all(&self, size: u64) -> bool {
        self.done >= size && matches!(self.activity, "seeding" | "stopped")
    }
}

/// Bytes move from one client to another.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Edge {
    /// Places in [`Picture::clients`].
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The torrent's place in [`Picture::torrents`].
    pub(crate) torrent: usize,
    /// Bytes a second.
    pub(crate) rate: u64,
}

/// An announce, as the tracker remembers it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Announce {
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    pub(crate) client: String,
    pub(crate) torrent: String,
    /// "started", "completed", "stopped", "paused", or nothing.
    pub(crate) event: String,
    /// What became of it, in words.
    pub(crate) answer: String,
}

/// Something that happened for the first time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Lesson {
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    pub(crate) title: &'static str,
    /// Two or three sentences for someone who has never seen a swarm.
    pub(crate) text: String,
}

/// Something that became of a source.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Notice {
    /// From 1 on.
    pub(crate) number: u64,
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    /// The name of the file or folder.
    pub(crate) source: String,
    /// What follows the name in a sentence.
    pub(crate) text: String,
    /// Whether somebody has to look after it.
    pub(crate) trouble: bool,
}
