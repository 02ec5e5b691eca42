//! The state of the whole demonstration at one moment, as the page shows it.

use serde::Serialize;

use crate::client::Kind;

/// The state, a second old at most.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Picture {
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    pub(crate) clients: Vec<ClientStatus>,
    pub(crate) torrents: Vec<Torrent>,
    /// Connections on which bytes move.
    pub(crate) edges: Vec<Edge>,
    /// Bytes that all clients have sent, and the part of them that came from clients which were not given the content.
    pub(crate) sent: u64,
    pub(crate) sent_by_leechers: u64,
    /// The latest announces, the newest first, up to 100.
    pub(crate) announces: Vec<Announce>,
    /// Explanations of what happened for the first time, in order.
    pub(crate) lessons: Vec<Lesson>,
    /// Notices about sources, the newest first, up to 50.
    pub(crate) notices: Vec<Notice>,
    /// Packets that were sent out of the network, in words; there should be none.
    pub(crate) outside: Vec<String>,
}

/// A client.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClientStatus {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The program's version; empty while unknown.
    pub(crate) version: String,
    /// Its first address.
    pub(crate) address: String,
    /// "starting", "running", "stopped", "dead", "cut off".
    pub(crate) state: &'static str,
    /// The reason, if it is dead.
    pub(crate) reason: String,
    /// KiB a second that it is limited to.
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
    /// The site's id.
    pub(crate) id: u32,
    pub(crate) title: String,
    /// In hex.
    pub(crate) info_hash: String,
    pub(crate) size: u64,
    pub(crate) pieces: u32,
    /// Seeders and leechers by the tracker; none while unknown.
    pub(crate) tracker: Option<(u32, u32)>,
    /// Seeders and leechers by the clients' reports.
    pub(crate) clients: (u32, u32),
    /// Seconds from the upload until all clients had everything for the first time; none before.
    pub(crate) completed: Option<u32>,
    /// One for each client that has the torrent.
    pub(crate) holders: Vec<Holder>,
}

/// What one client has of one torrent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Holder {
    /// Its index in [`Picture::clients`].
    pub(crate) client: usize,
    /// "seeding", "leeching", "checking", "stopped", "failed".
    pub(crate) activity: &'static str,
    /// The reason, if it failed.
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
    /// How many of so many clients are not complete.
    pub(crate) fn lacking(&self, clients: usize) -> usize {
        clients.saturating_sub(self.holders.iter().filter(|it| it.has_all(self.size)).count())
    }
}

impl Holder {
    /// Whether it has, and has checked, all of `size` bytes. A program that does not run keeps its content.
    pub(crate) fn has_all(&self, size: u64) -> bool {
        self.done >= size && matches!(self.activity, "seeding" | "stopped")
    }
}

/// A connection on which bytes move from one client to another.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Edge {
    /// Indices in [`Picture::clients`].
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The torrent's index in [`Picture::torrents`].
    pub(crate) torrent: usize,
    /// Bytes a second.
    pub(crate) rate: u64,
}

/// An announce, by the tracker's memory.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Announce {
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    pub(crate) client: String,
    pub(crate) torrent: String,
    /// "started", "completed", "stopped", "paused", or nothing.
    pub(crate) event: String,
    /// The outcome, in words.
    pub(crate) answer: String,
}

/// An explanation of something that happened for the first time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Lesson {
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    pub(crate) title: &'static str,
    /// Two or three sentences for someone who has never seen a swarm.
    pub(crate) text: String,
}

/// A notice about a source.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Notice {
    /// The number of the notice; the first has 1.
    pub(crate) number: u64,
    /// Milliseconds since the start of the demonstration.
    pub(crate) at: u64,
    /// The source's name.
    pub(crate) source: String,
    /// The rest of a sentence that begins with the name.
    pub(crate) text: String,
    /// Whether it needs attention.
    pub(crate) trouble: bool,
}
