//! Refusals whose member is not known for sure: the key names one, but anybody can write that number. In the background
//! it is found out whether the key is one of the member's, as when a client sends the key of another torrent.
//!
//! It takes as many hashes as there are torrents, hence a short queue and long rests: a stranger with forged keys can
//! keep this busy, but nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bt::control::Verdict;
use bt::swarm::ClientPrefix;
use bt::token::Token;
use bt::{InfoHash, announce_key};
use infra::shutdown::Shutdown;
use tokio::sync::mpsc;

use super::{Entry, How};
use crate::Tracker;
use crate::directory::Seat;

/// Refusals that wait; others are not looked at.
const WAITING: usize = 64;

/// Torrents tried before others have their turn, well below a millisecond.
const PAGE: usize = 1024;

/// Earlier versions of a key that are recognised.
const VERSIONS: u32 = 8;

/// Rest after each look, in multiples of the time it took.
const REST: u32 = 20;

/// A refused request.
#[derive(Debug)]
pub(crate) struct Suspect {
    pub(crate) token: Token,
    /// Where the request was read so far.
    pub(crate) info_hash: Option<InfoHash>,
    pub(crate) client: ClientPrefix,
    pub(crate) how: How,
    /// [`Verdict::WrongKey`], or what was wrong before the key was looked at.
    pub(crate) verdict: Verdict,
    /// Second of the tracker's clock.
    pub(crate) at: u32,
}

/// Where to leave refused requests.
#[derive(Debug)]
pub(crate) struct Suspects(mpsc::Sender<Suspect>);

/// Both ends of the queue.
pub(crate) fn suspects() -> (Suspects, mpsc::Receiver<Suspect>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Suspects(sender), receiver)
}

impl Suspects {
    /// Has it looked at, if there is room.
    pub(crate) fn offer(&self, suspect: Suspect) {
        let _ = self.0.try_send(suspect);
    }
}

/// What a key turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// Of the torrent announced, of the whole account, or, where none was announced, of the torrent with this id.
    Valid(u32),
    /// Valid until it was reset.
    Old,
    /// Of another torrent.
    Other,
}

/// Looks at refused requests until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, mut suspects: mpsc::Receiver<Suspect>, shutdown: Shutdown) {
    while let Some(suspect) = tokio::select! {
        () = shutdown.requested() => return,
        suspect = suspects.recv() => suspect,
    } {
        let begun = Instant::now();
        look(&tracker, &suspect).await;
        let rest = (begun.elapsed() * REST).max(Duration::from_millis(1));
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(rest) => {}
        }
    }
}

async fn look(tracker: &Tracker, suspect: &Suspect) {
    let Some(seat) = tracker.directory.seat(suspect.token.id()) else { return };
    let Some(version) = seat.member().map(|member| member.key_version) else { return };
    let torrent = suspect.info_hash.and_then(|hash| tracker.directory.torrent(&hash));
    let scope = torrent.map(|torrent| torrent.info_hash).or(suspect.info_hash);
    let announced = torrent.map_or(0, |torrent| torrent.id);
    let finding = match near(tracker, suspect, version, scope) {
        Some(Finding::Valid(_)) => Some(Finding::Valid(announced)),
        Some(finding) => Some(finding),
        None => far(tracker, suspect, version, scope).await,
    };
    let (verdict, torrent) = match (finding, suspect.verdict) {
        // It was reset to this key a moment ago.
        (None, _) | (Some(Finding::Valid(_)), Verdict::WrongKey) => return,
        (Some(Finding::Valid(torrent)), verdict) => (verdict, torrent),
        (Some(Finding::Old), _) => (Verdict::OldKey, announced),
        (Some(Finding::Other), _) => (Verdict::OtherTorrent, announced),
    };
    note(tracker, seat, suspect, verdict, torrent);
}

fn note(tracker: &Tracker, seat: &Seat, suspect: &Suspect, verdict: Verdict, torrent: u32) {
    let client = tracker.swarms.number_of(suspect.client);
    let entry = Entry::new(suspect.at, torrent, client, verdict, suspect.how);
    seat.with_decisions(|decisions| decisions.push(entry));
}

/// Tries the torrent announced and the whole account, with this version of the key and those before.
fn near(tracker: &Tracker, suspect: &Suspect, version: u32, scope: Option<InfoHash>) -> Option<Finding> {
    let key = &tracker.settings.key;
    let opens = |version| {
        let opens = |scope| announce_key::verify(&suspect.token, key, version, scope);
        opens(None) || scope.is_some_and(|scope| opens(Some(scope)))
    };
    if opens(version) {
        return Some(Finding::Valid(0));
    }
    (version.saturating_sub(VERSIONS)..version).rev().any(opens).then_some(Finding::Old)
}

/// Tries all torrents.
async fn far(tracker: &Tracker, suspect: &Suspect, version: u32, scope: Option<InfoHash>) -> Option<Finding> {
    let mut last = None;
    loop {
        let page = tracker.directory.torrents_after(last, PAGE);
        last = Some(page.last()?.id);
        let found = page.iter().find(|torrent| {
            let hash = torrent.v1.or(torrent.v2);
            hash.is_some() && announce_key::verify(&suspect.token, &tracker.settings.key, version, hash)
        });
        if let Some(torrent) = found {
            return Some(if scope.is_none() { Finding::Valid(torrent.id) } else { Finding::Other });
        }
        tokio::task::yield_now().await;
    }
}
