//! Refused requests whose key may or may not be a member's: anybody can write a member's id into a key. A refusal is
//! shown in the member's announce doctor only if the key proves to be the member's own.
//!
//! A few hashes tell whether the key fits the torrent announced, the account, or an earlier version of the key. Whether
//! it fits another torrent takes a hash for each torrent of the site: a background task tries them. Each member has a
//! short queue there, members take turns, and the task sleeps most of the time. So senders of forged keys slow down
//! nothing but this task, and there only the members whose ids they use.

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
use crate::directory::{Member, MemberRecord};
use crate::state::Tracker;

/// Members with requests in the queue, at most; requests of further members are dropped.
const MAX_MEMBERS: usize = 512;

/// Torrents whose keys are compared with a refused key before the task yields. Comparing them takes less than 1 ms.
const PAGE: usize = 1024;

/// Earlier versions of a key without a nonce that are recognised. Of keys with a nonce only the version before the last
/// reset is: the database keeps no older nonce.
const EARLIER_VERSIONS: u32 = 8;

/// Length of a pause, in multiples of the time that the torrents before it took.
const REST_FACTOR: u32 = 20;

/// What is kept of a refused request.
#[derive(Debug)]
struct RefusedRequest {
    token: Token,
    /// `None` where the request could not be parsed.
    info_hash: Option<InfoHash>,
    client: ClientPrefix,
    kind: RequestKind,
    /// [`Verdict::WrongKey`], or the fault that was found before the key was checked.
    verdict: Verdict,
    /// When it was refused, in seconds of the tracker's clock.
    at: u32,
}

/// Refused requests whose keys the background task has yet to check.
#[derive(Debug, Default)]
pub(crate) struct RefusedKeys {
    /// Held for one push or pop.
    queue: Mutex<Queue>,
    offered: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Members with requests in `waiting`, each once, in the order of their turns.
    members: VecDeque<u32>,
    /// Up to [`KEPT`] requests of each member: the announce doctor shows no more.
    waiting: HashMap<u32, VecDeque<RefusedRequest>, RandomState>,
}

impl RefusedKeys {
    /// Queues a request, or drops it where the queue is full.
    fn offer(&self, request: RefusedRequest) {
        if self.queue.lock().offer(request) {
            self.offered.notify_one();
        }
    }

    async fn next(&self) -> RefusedRequest {
        loop {
            let next = self.queue.lock().take();
            match next {
                Some(request) => return request,
                None => self.offered.notified().await,
            }
        }
    }
}

impl Queue {
    /// Appends a request to its member's queue, and says whether there was room.
    fn offer(&mut self, request: RefusedRequest) -> bool {
        let member = request.token.id();
        if let Some(waiting) = self.waiting.get_mut(&member) {
            if waiting.len() >= KEPT {
                return false;
            }
            waiting.push_back(request);
        } else {
            if self.members.len() >= MAX_MEMBERS {
                return false;
            }
            self.members.push_back(member);
            self.waiting.insert(member, [request].into());
        }
        true
    }

    fn take(&mut self) -> Option<RefusedRequest> {
        let member = self.members.pop_front()?;
        let waiting = self.waiting.get_mut(&member)?;
        let request = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&member);
        } else {
            self.members.push_back(member);
        }
        request
    }
}

/// What a check found a key to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyState {
    /// The member's current key, of the account or of the torrent announced, which has this id; 0 if that is not known.
    /// Where the request named no torrent, the id is that of the key's own torrent.
    Valid(u32),
    /// The member's key before a reset.
    Old,
    /// The member's current key of another torrent.
    Other,
}

impl Tracker {
    /// Shows the refusal in the announce doctor of the member whose id `token` has, if the key proves to be that
    /// member's. Returns the refusal.
    pub(crate) fn check_refused_key(
        &self,
        token: &Token,
        request: Option<&announce::Request>,
        refusal: Refusal,
        origin: Origin,
    ) -> Refusal {
        let request = RefusedRequest {
            token: *token,
            info_hash: request.map(|request| request.info_hash),
            client: request.map(|request| client_prefix(&request.peer_id)).unwrap_or_default(),
            kind: origin.kind(request.map(|request| request.event).unwrap_or_default()),
            verdict: refusal.verdict(),
            at: self.clock.now(),
        };
        if let Some(check) = KeyCheck::new(self, &request) {
            match check.try_announced() {
                Some(state) => check.add_decision(state),
                None => self.refused_keys.offer(request),
            }
        }
        refusal
    }
}

/// Checks queued keys until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, shutdown: Shutdown) {
    let check_all = async {
        loop {
            let request = tracker.refused_keys.next().await;
            if let Some(check) = KeyCheck::new(&tracker, &request)
                && let Some(state) = check.try_all_torrents().await
            {
                check.add_decision(state);
            }
        }
    };
    tokio::select! {
        () = shutdown.requested() => {}
        () = check_all => {}
    }
}

/// The check of one key against what is known of its member at the moment.
struct KeyCheck<'a> {
    tracker: &'a Tracker,
    request: &'a RefusedRequest,
    record: &'a MemberRecord,
    member: Member,
    /// Id of the torrent announced; 0 where it is not known.
    torrent: u32,
    /// The hash that keys of that torrent are bound to; `None` where the request could not be parsed.
    scope: Option<InfoHash>,
}

impl<'a> KeyCheck<'a> {
    /// `None` where there is no such member.
    fn new(tracker: &'a Tracker, request: &'a RefusedRequest) -> Option<Self> {
        let record = tracker.directory.record(request.token.id())?;
        let member = record.member()?;
        let torrent = request.info_hash.and_then(|hash| tracker.directory.torrent(&hash));
        let scope = torrent.map(|torrent| torrent.info_hash).or(request.info_hash);
        let torrent = torrent.map_or(0, |torrent| torrent.id);
        Some(Self { tracker, request, record, member, torrent, scope })
    }

    /// Tries the torrent announced and the whole account, with the current key and with earlier ones.
    fn try_announced(&self) -> Option<KeyState> {
        let opens =
            |key: &Binding| self.opens(key, None) || self.scope.is_some_and(|it| self.opens(key, Some(it)));
        let Member { key, former, .. } = self.member;
        if opens(&key) {
            return Some(KeyState::Valid(self.torrent));
        }
        let last = Binding { version: key.version.checked_sub(1)?, nonce: former };
        let older = (key.version.saturating_sub(EARLIER_VERSIONS)..key.version).rev();
        let older = older.map(|version| Binding { version, nonce: Nonce::EMPTY });
        std::iter::once(last).chain(older).any(|key| opens(&key)).then_some(KeyState::Old)
    }

    /// Tries every torrent of the site with the current key.
    async fn try_all_torrents(&self) -> Option<KeyState> {
        let mut last = None;
        loop {
            let begun = Instant::now();
            let page = self.tracker.directory.torrents_after(last, PAGE);
            last = Some(page.last()?.id);
            let found = page.iter().find(|torrent| {
                let hash = torrent.v1.or(torrent.v2);
                hash.is_some() && self.opens(&self.member.key, hash)
            });
            sleep((begun.elapsed() * REST_FACTOR).max(Duration::from_millis(1))).await;
            if let Some(torrent) = found {
                // The torrent announced may have become known since the request.
                let wanted = self.scope.is_none() || torrent.id == self.torrent;
                return Some(if wanted { KeyState::Valid(torrent.id) } else { KeyState::Other });
            }
        }
    }

    fn opens(&self, key: &Binding, scope: Option<InfoHash>) -> bool {
        announce_key::verify(&self.request.token, &self.tracker.settings.key, key, scope)
    }

    /// Adds the refusal to the member's decisions.
    fn add_decision(&self, state: KeyState) {
        let RefusedRequest { client, kind, at, verdict, .. } = *self.request;
        let (verdict, torrent) = match (state, verdict) {
            // The member reset the key a moment ago: what was refused is valid by now.
            (KeyState::Valid(_), Verdict::WrongKey) => return,
            (KeyState::Valid(torrent), verdict) => (verdict, torrent),
            (KeyState::Old, _) => (Verdict::OldKey, self.torrent),
            (KeyState::Other, _) => (Verdict::OtherTorrent, self.torrent),
        };
        let entry = StoredDecision::new(at, torrent, self.tracker.swarms.known_number(client), verdict, kind);
        self.record.with_decisions(|decisions| decisions.push(entry));
    }
}

#[cfg(test)]
mod tests {
    use bt::announce::Event;
    use bt::messages::control::Protocol;

    use super::*;

    fn request(member: u32, at: u32) -> RefusedRequest {
        RefusedRequest {
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
    fn members_take_turns_however_many_requests_name_one_of_them() {
        let mut queue = Queue::default();
        for at in 0..1000 {
            assert_eq!(queue.offer(request(1, at)), at < 50);
        }
        assert!(queue.offer(request(2, 7)) && queue.offer(request(3, 8)) && queue.offer(request(2, 9)));
        let taken = taken(&mut queue);
        assert_eq!(taken[..6], [(1, 0), (2, 7), (3, 8), (1, 1), (2, 9), (1, 2)]);
        assert_eq!(taken.len(), 53);
        assert!(queue.waiting.is_empty() && queue.members.is_empty());
    }

    #[test]
    fn a_full_queue_takes_another_member_once_one_is_done() {
        let mut queue = Queue::default();
        for member in 0..1000 {
            assert_eq!(queue.offer(request(member, 0)), member < 512);
        }
        assert_eq!(queue.take().map(|it| it.token.id()), Some(0));
        assert!(queue.offer(request(999, 0)) && !queue.offer(request(0, 0)));
        assert_eq!(taken(&mut queue).len(), 512);
    }
}
