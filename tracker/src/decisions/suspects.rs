//! Refusals whose member is not known for sure: the key names one, but anybody can write that number. A few hashes tell
//! whether it is the member's and was reset. Whether it is of another torrent takes as many hashes as there are torrents,
//! which is done in the background.
//!
//! There each member has a short queue, and they are taken in turn, with long rests: strangers with forged keys can keep
//! this busy, but nothing else, and only those whose ids they name wait behind them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bt::announce_key::{self, Binding, Nonce};
use bt::messages::control::Verdict;
use bt::token::Token;
use bt::{ClientPrefix, client_prefix};
use bt::{InfoHash, announce};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use infra::shutdown::Shutdown;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{KEPT, RequestKind, StoredDecision};
use crate::answer::{Origin, Refusal};
use crate::directory::{Member, Seat};
use crate::state::Tracker;

/// Members whose refusals wait; those of others are not looked at.
const MEMBERS: usize = 512;

/// Torrents tried before others have their turn, well below a millisecond.
const PAGE: usize = 1024;

/// Earlier versions of a key without a nonce that are recognised. Of those with one only the last is.
const VERSIONS: u32 = 8;

/// Rest after so many, in multiples of the time they took.
const REST: u32 = 20;

/// A refused request.
#[derive(Debug)]
struct Suspect {
    token: Token,
    /// Where the request was read so far.
    info_hash: Option<InfoHash>,
    client: ClientPrefix,
    kind: RequestKind,
    /// [`Verdict::WrongKey`], or what was wrong before the key was looked at.
    verdict: Verdict,
    /// Second of the tracker's clock.
    at: u32,
}

/// Refused requests that wait to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    queue: Mutex<Queue>,
    offered: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whose turn it is, the next one first: those who have something in `waiting`, each once.
    members: VecDeque<u32>,
    /// Up to [`KEPT`] of each member: no more are remembered anyway.
    waiting: HashMap<u32, VecDeque<Suspect>, RandomState>,
}

impl Suspects {
    /// Has it looked at, if there is room.
    fn offer(&self, suspect: Suspect) {
        if self.queue.lock().offer(suspect) {
            self.offered.notify_one();
        }
    }

    async fn next(&self) -> Suspect {
        loop {
            let next = self.queue.lock().take();
            match next {
                Some(suspect) => return suspect,
                None => self.offered.notified().await,
            }
        }
    }
}

impl Queue {
    /// Says whether there was room.
    fn offer(&mut self, suspect: Suspect) -> bool {
        let member = suspect.token.id();
        if let Some(waiting) = self.waiting.get_mut(&member) {
            if waiting.len() >= KEPT {
                return false;
            }
            waiting.push_back(suspect);
        } else {
            if self.members.len() >= MEMBERS {
                return false;
            }
            self.members.push_back(member);
            self.waiting.insert(member, [suspect].into());
        }
        true
    }

    fn take(&mut self) -> Option<Suspect> {
        let member = self.members.pop_front()?;
        let waiting = self.waiting.get_mut(&member)?;
        let suspect = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&member);
        } else {
            self.members.push_back(member);
        }
        suspect
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

impl Tracker {
    /// Has a refusal looked at whose key is not known to be the member's. Returns it.
    pub(crate) fn suspect(
        &self,
        token: &Token,
        request: Option<&announce::Request>,
        refusal: Refusal,
        origin: Origin,
    ) -> Refusal {
        let suspect = Suspect {
            token: *token,
            info_hash: request.map(|request| request.info_hash),
            client: request.map(|request| client_prefix(&request.peer_id)).unwrap_or_default(),
            kind: origin.kind(request.map(|request| request.event).unwrap_or_default()),
            verdict: refusal.verdict(),
            at: self.clock.now(),
        };
        if let Some(case) = Case::new(self, &suspect) {
            match case.near() {
                Some(finding) => case.conclude(finding),
                None => self.suspects.offer(suspect),
            }
        }
        refusal
    }
}

/// Looks at refused requests until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, shutdown: Shutdown) {
    let look_at_all = async {
        loop {
            let suspect = tracker.suspects.next().await;
            if let Some(case) = Case::new(&tracker, &suspect)
                && let Some(finding) = case.far().await
            {
                case.conclude(finding);
            }
        }
    };
    tokio::select! {
        () = shutdown.requested() => {}
        () = look_at_all => {}
    }
}

/// A refusal and what is known at the moment of those whom its key names.
struct Case<'a> {
    tracker: &'a Tracker,
    suspect: &'a Suspect,
    seat: &'a Seat,
    member: Member,
    /// The torrent announced: its id, 0 where it is not known, and what its keys are made for.
    torrent: u32,
    scope: Option<InfoHash>,
}

impl<'a> Case<'a> {
    /// None where there is no such member.
    fn new(tracker: &'a Tracker, suspect: &'a Suspect) -> Option<Self> {
        let seat = tracker.directory.seat(suspect.token.id())?;
        let member = seat.member()?;
        let torrent = suspect.info_hash.and_then(|hash| tracker.directory.torrent(&hash));
        let scope = torrent.map(|torrent| torrent.info_hash).or(suspect.info_hash);
        let torrent = torrent.map_or(0, |torrent| torrent.id);
        Some(Self { tracker, suspect, seat, member, torrent, scope })
    }

    /// Tries the torrent announced and the whole account, with the key of today and those before.
    fn near(&self) -> Option<Finding> {
        let opens =
            |key: &Binding| self.opens(key, None) || self.scope.is_some_and(|it| self.opens(key, Some(it)));
        let Member { key, former, .. } = self.member;
        if opens(&key) {
            return Some(Finding::Valid(self.torrent));
        }
        let last = Binding { version: key.version.checked_sub(1)?, nonce: former };
        let older = (key.version.saturating_sub(VERSIONS)..key.version).rev();
        let older = older.map(|version| Binding { version, nonce: Nonce::EMPTY });
        std::iter::once(last).chain(older).any(|key| opens(&key)).then_some(Finding::Old)
    }

    /// Tries all torrents.
    async fn far(&self) -> Option<Finding> {
        let mut last = None;
        loop {
            let begun = Instant::now();
            let page = self.tracker.directory.torrents_after(last, PAGE);
            last = Some(page.last()?.id);
            let found = page.iter().find(|torrent| {
                let hash = torrent.v1.or(torrent.v2);
                hash.is_some() && self.opens(&self.member.key, hash)
            });
            sleep((begun.elapsed() * REST).max(Duration::from_millis(1))).await;
            if let Some(torrent) = found {
                // The one announced may have become known meanwhile.
                let wanted = self.scope.is_none() || torrent.id == self.torrent;
                return Some(if wanted { Finding::Valid(torrent.id) } else { Finding::Other });
            }
        }
    }

    fn opens(&self, key: &Binding, scope: Option<InfoHash>) -> bool {
        announce_key::verify(&self.suspect.token, &self.tracker.settings.key, key, scope)
    }

    /// Puts it down with the member, whose key it is.
    fn conclude(&self, finding: Finding) {
        let Suspect { client, kind, at, verdict, .. } = *self.suspect;
        let (verdict, torrent) = match (finding, verdict) {
            // It was reset to this key a moment ago.
            (Finding::Valid(_), Verdict::WrongKey) => return,
            (Finding::Valid(torrent), verdict) => (verdict, torrent),
            (Finding::Old, _) => (Verdict::OldKey, self.torrent),
            (Finding::Other, _) => (Verdict::OtherTorrent, self.torrent),
        };
        let entry = StoredDecision::new(at, torrent, self.tracker.swarms.known_number(client), verdict, kind);
        self.seat.with_decisions(|decisions| decisions.push(entry));
    }
}

#[cfg(test)]
mod tests {
    use bt::announce::Event;
    use bt::messages::control::Protocol;

    use super::*;

    fn suspect(member: u32, at: u32) -> Suspect {
        Suspect {
            token: Token::new(&[1; 32], member, &[]),
            info_hash: None,
            client: *b"-qB5040-",
            kind: RequestKind { protocol: Protocol::Http, ipv6: false, event: Event::None },
            verdict: Verdict::WrongKey,
            at,
        }
    }

    fn taken(queue: &mut Queue) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| queue.take()).map(|it| (it.token.id(), it.at)).collect()
    }

    #[test]
    fn members_have_their_turns_however_many_wait_in_the_name_of_one() {
        let mut queue = Queue::default();
        for at in 0..1000 {
            assert_eq!(queue.offer(suspect(1, at)), at < 50);
        }
        assert!(queue.offer(suspect(2, 7)) && queue.offer(suspect(3, 8)) && queue.offer(suspect(2, 9)));
        let taken = taken(&mut queue);
        assert_eq!(taken[..6], [(1, 0), (2, 7), (3, 8), (1, 1), (2, 9), (1, 2)]);
        assert_eq!(taken.len(), 53);
        assert!(queue.waiting.is_empty() && queue.members.is_empty());
    }

    #[test]
    fn there_is_room_for_so_many_members_and_again_when_one_is_done() {
        let mut queue = Queue::default();
        for member in 0..1000 {
            assert_eq!(queue.offer(suspect(member, 0)), member < 512);
        }
        assert_eq!(queue.take().map(|it| it.token.id()), Some(0));
        assert!(queue.offer(suspect(999, 0)) && !queue.offer(suspect(0, 0)));
        assert_eq!(taken(&mut queue).len(), 512);
    }
}
