//! What clients do, as they count it themselves.

use std::net::SocketAddr;

use bt::announce::Event;
use bt::swarm::Announcement;

use super::Who;
use super::reference::Pair;

/// What a client lacks when it begins.
const ALL: u64 = 1 << 20;

/// A client of one torrent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Client {
    pub(super) runs: bool,
    /// How often it began.
    pub(super) session: u64,
    /// Announces of this session.
    sent: u64,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) left: u64,
}

/// An announce as it was sent, and what only its sender knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) who: Who,
    pub(super) session: u64,
    pub(super) sent: u64,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) left: u64,
    pub(super) event: Event,
    pub(super) over_v6: bool,
}

impl Client {
    pub(super) fn begin(&mut self) {
        *self = Self { runs: true, session: self.session + 1, left: ALL, ..Self::default() };
    }

    pub(super) fn announce(&mut self, who: Who, event: Event, over_v6: bool) -> Message {
        self.sent += 1;
        let Self { session, sent, uploaded, downloaded, left, .. } = *self;
        Message { who, session, sent, uploaded, downloaded, left, event, over_v6 }
    }
}

impl Message {
    pub(super) fn pair(&self) -> Pair {
        pair(self.who)
    }

    /// What the tracker makes of it.
    pub(super) fn announcement(&self) -> Announcement {
        let (member, _, client) = self.who;
        let port = 1000 + u16::try_from(client).expect("few");
        let endpoint: SocketAddr = if self.over_v6 {
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port).into()
        } else {
            ([192, 0, 2, 1], port).into()
        };
        Announcement {
            member,
            identity: client,
            client: [0; 8],
            endpoint,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            left: Some(self.left),
            event: self.event,
            numwant: 0,
        }
    }
}

pub(super) fn pair((member, torrent, _): Who) -> Pair {
    (member, u32::try_from(torrent).expect("few"))
}

/// Whether a client has IPv4, and IPv6.
pub(super) fn families((_, _, client): Who) -> [bool; 2] {
    [client != 1, client != 0]
}
