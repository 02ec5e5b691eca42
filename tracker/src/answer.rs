//! Announces and scrapes, from the request target to the bencoded answer.

mod health;
mod refusal;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use bt::announce::{Event, PeerList, Response};
use bt::messages::control::{Protocol, Verdict};
use bt::route::{self, Action, Route};
use bt::swarm::{Counts, PeerBuffer};
use bt::token::Token;
use bt::{ClientPrefix, client_prefix};
use bt::{InfoHash, announce, announce_key, scrape};

use crate::decisions::{RequestKind, StoredDecision};
use crate::directory::{Member, MemberRecord, Subject, Torrent};
use crate::limits::RateLimit;
use crate::metrics::counters::{self, Timing};
use crate::shard::shard_of;
use crate::state::Tracker;
pub(crate) use refusal::Refusal;

/// Look-ups of members and torrents for keys that memory does not confirm: 5000 a second of all strangers together, which
/// a database answers easily in batches.
const STRANGER_LOOKUPS: RateLimit = RateLimit::new(300_000, 20_000);

/// Look-ups in the database for one request at most: its member, its torrent, and its member once more if the key does
/// not fit.
pub(crate) const MAX_LOOKUPS: usize = 4;

/// Why there is no answer yet.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Refused(Refusal),
    /// The directory must ask the database first.
    Lookup(Subject),
}

impl<E: Into<Refusal>> From<E> for Unanswered {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal.into())
    }
}

/// How far the answer to one request has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RequestState {
    /// Whether the database was asked for the member: one that the directory lacks then does not exist.
    member: bool,
    /// The same for the torrents.
    torrents: bool,
    /// Whether the member's bucket has been charged for the request.
    paid: bool,
    timing: Timing,
}

impl RequestState {
    /// Notes that the database is asked for `subject`.
    pub(crate) fn note(&mut self, subject: &Subject) {
        match subject {
            Subject::Member(_) => self.member = true,
            Subject::Torrents { paid, .. } => {
                self.torrents = true;
                self.paid |= paid;
            }
            Subject::Swarm(_) => {}
        }
    }

    /// Notes whether the member's bucket was charged, before the database is asked for `subject`.
    pub(crate) fn note_paid(&mut self, subject: &Subject) {
        self.paid |= matches!(subject, Subject::Torrents { paid: true, .. });
    }

    /// Records how long the request took, if it is one that is timed.
    pub(crate) fn end(self) {
        self.timing.end();
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) ip: IpAddr,
    pub(crate) protocol: Protocol,
}

impl Origin {
    pub(crate) fn kind(self, event: Event) -> RequestKind {
        RequestKind { protocol: self.protocol, ipv6: self.ip.to_canonical().is_ipv6(), event }
    }
}

thread_local! {
    /// Of this thread, so that an announce allocates nothing.
    static PEERS: RefCell<PeerBuffer> = RefCell::new(PeerBuffer::default());
}

impl Tracker {
    /// Appends the answer to the request for `target`, from memory; nothing without success.
    pub(crate) fn answer(
        &self,
        target: &[u8],
        origin: Origin,
        state: &mut RequestState,
        out: &mut Vec<u8>,
    ) -> Result<(), Unanswered> {
        let route = match Route::parse(target, self.settings.path_depth) {
            Ok(route) => route,
            Err(route::Error::Elsewhere) if self.is_health(target) => {
                self.write_health(out);
                return Ok(());
            }
            // No announce, whatever else it is.
            Err(error @ route::Error::Elsewhere) => return Err(error.into()),
            Err(error) => {
                return Self::counted(Action::Announce, origin.protocol, state, |_| Err(error.into()));
            }
        };
        Self::counted(route.action, origin.protocol, state, |state| {
            let token = Token::parse(route.key).ok_or(Refusal::Passkey)?;
            match route.action {
                Action::Announce => {
                    let request = announce::Request::parse(route.query)
                        .map_err(|error| self.check_refused_key(&token, None, error.into(), origin))?;
                    self.announce(&token, &request, origin, state, |response| response.encode(out))
                }
                Action::Scrape => {
                    let request = scrape::Request::parse(route.query)
                        .map_err(|error| self.check_refused_key(&token, None, error.into(), origin))?;
                    let mut files = Vec::with_capacity(request.hashes.len());
                    self.scrape(&token, &request.hashes, origin, state, |hash, counts| {
                        files.extend(counts.map(|counts| (hash, counts)));
                    })?;
                    scrape::encode(&mut files, out);
                    Ok(())
                }
            }
        })
    }

    /// Counts what becomes of a request, and times some announces.
    pub(crate) fn counted(
        action: Action,
        protocol: Protocol,
        state: &mut RequestState,
        answer: impl FnOnce(RequestState) -> Result<(), Unanswered>,
    ) -> Result<(), Unanswered> {
        if action == Action::Announce {
            state.timing.begin();
        }
        let result = answer(*state);
        let verdict = match &result {
            Ok(()) if action == Action::Scrape => Verdict::Scraped,
            Ok(()) => Verdict::Answered,
            Err(Unanswered::Refused(refusal)) => refusal.verdict(),
            // It will be tried again.
            Err(Unanswered::Lookup(_)) => return result,
        };
        state.end();
        counters::count(action, protocol, verdict);
        result
    }

    /// The database did not answer what had to be known for `target`.
    pub(crate) fn give_up(&self, target: &[u8], origin: Origin, state: RequestState) {
        let Ok(route) = Route::parse(target, self.settings.path_depth) else { return };
        state.end();
        counters::count(route.action, origin.protocol, Verdict::Unavailable);
        let (Some(token), Ok(request)) = (Token::parse(route.key), announce::Request::parse(route.query))
        else {
            return;
        };
        self.check_refused_key(&token, Some(&request), Refusal::Unavailable, origin);
    }

    /// Applies the announce of whoever holds `token`, over whichever protocol it came, and has the answer written by
    /// `encode`.
    pub(crate) fn announce(
        &self,
        token: &Token,
        request: &announce::Request,
        origin: Origin,
        state: RequestState,
        encode: impl FnOnce(&Response<'_>),
    ) -> Result<(), Unanswered> {
        // Before anybody is told that something is unknown.
        self.check_restored(request.info_hash)?;
        let (record, member) = self.member(token, state)?;
        let torrent = self.directory.torrent(&request.info_hash);
        let scope = torrent.map_or(request.info_hash, |torrent| torrent.info_hash);
        let is_missing = torrent.is_none() && !state.torrents;
        if !self.opens(token, member, scope) {
            let stop = if is_missing {
                self.ask_torrents_of_strangers(vec![request.info_hash])
            } else {
                self.not_opened(token, state)
            };
            if let Unanswered::Refused(refusal) = stop {
                self.check_refused_key(token, Some(request), refusal, origin);
            }
            return Err(stop);
        }
        self.check_restored(scope)?;
        // From here on it is the member's own, and the member is told what became of it.
        let client = client_prefix(&request.peer_id);
        let now = self.clock.now();
        // Where the torrent is not in memory, nobody is there who could leave.
        let leaves = request.event == Event::Stopped && !is_missing;
        let admitted =
            check_enabled(member).and_then(|()| self.admit(record, client, leaves, state.paid, now));
        if admitted.is_ok() && is_missing {
            return Err(Unanswered::Lookup(Subject::Torrents {
                hashes: vec![request.info_hash],
                paid: true,
            }));
        }
        let result = admitted
            .and_then(|()| torrent.ok_or(Refusal::Unregistered))
            .and_then(|torrent| self.apply(&torrent, record, request, (token.id(), origin.ip), encode));
        if result.is_ok() && request.event != Event::Stopped {
            let endpoint = SocketAddr::new(origin.ip.to_canonical(), request.port);
            self.reachability.offer(&record.last_tried, (token.id(), client), endpoint, request.event, now);
        }
        let torrent_id = torrent.map_or(0, |torrent| torrent.id);
        let entry = |number, verdict| {
            StoredDecision::new(now, torrent_id, number, verdict, origin.kind(request.event))
        };
        let entry = match result {
            Ok((v4, v6)) => entry(self.swarms.number_of(client), Verdict::Answered).with_peers(v4, v6),
            // A client that is not admitted gets no number: there are only so many.
            Err(refusal) => entry(self.swarms.known_number(client), refusal.verdict()),
        };
        record.with_decisions(|decisions| decisions.push(entry));
        Ok(result.map(drop)?)
    }

    /// Whether the member may announce now, with this client.
    ///
    /// Whoever leaves may, at any time: what they moved last would be lost, and others be told of them until they
    /// expire. It counts as an announce all the same. One that was `paid` for before the database was asked does not
    /// count again.
    fn admit(
        &self,
        record: &MemberRecord,
        client: ClientPrefix,
        leaves: bool,
        paid: bool,
        now: u32,
    ) -> Result<(), Refusal> {
        if !leaves && !self.settings.clients.admit(client) {
            return Err(Refusal::Client(client));
        }
        match self.charge(record, paid, now) {
            Err(_) if leaves => Ok(()),
            charged => charged,
        }
    }

    /// Charges the member's bucket for a request, unless it is `paid` for.
    fn charge(&self, record: &MemberRecord, paid: bool, now: u32) -> Result<(), Refusal> {
        if paid {
            return Ok(());
        }
        record.bucket.take(self.settings.rate_limit, now).map_err(|minutes| Refusal::TooOften { minutes })
    }

    /// Tells the swarm, and says how many IPv4 and IPv6 peers were given.
    fn apply(
        &self,
        torrent: &Torrent,
        record: &MemberRecord,
        request: &announce::Request,
        (member, ip): (u32, IpAddr),
        encode: impl FnOnce(&Response<'_>),
    ) -> Result<(u16, u16), Refusal> {
        let settings = &self.settings;
        let now = self.clock.now();
        let mut rng = self.window_seeds.rng(member, &torrent.info_hash, now, settings.min_interval);
        PEERS.with_borrow_mut(|peers| {
            let mut announcement = settings.announcement(request, member, ip);
            if request.info_hash != torrent.info_hash {
                // The version 2 hash of a hybrid torrent. Its peers are given to the announce with the other hash, which
                // clients of both versions send as well: libtorrent 2 greets a peer it was told of here with the hash of
                // version 2 ever after, and those who know version 1 alone then hang up.
                announcement.numwant = 0;
            }
            let exists = || self.directory.torrent(&torrent.info_hash).is_some();
            let outcome = self
                .swarms
                .announce(torrent, exists, &announcement, &record.budget, now, (&mut rng, peers))
                .ok_or(Refusal::Unregistered)?;
            encode(&Response {
                complete: outcome.after.seeders,
                downloaded: outcome.after.snatched,
                external_ip: Some(ip),
                incomplete: outcome.after.leechers,
                interval: settings.interval.saturating_add(fastrand::u32(0..=settings.interval / 10)),
                min_interval: settings.min_interval,
                peers,
                list: PeerList::choose(request.compact),
                warning: None,
            });
            let number = |bytes: &[u8], each| u16::try_from(bytes.len() / each).unwrap_or(u16::MAX);
            Ok((number(peers.v4(), 6), number(peers.v6(), 18)))
        })
    }

    /// Tells `give` the counts of each torrent, in order, or none: torrents that the key does not open are like
    /// unknown ones. A key that opens none at all is refused.
    pub(crate) fn scrape(
        &self,
        token: &Token,
        hashes: &[InfoHash],
        origin: Origin,
        state: RequestState,
        mut give: impl FnMut(InfoHash, Option<Counts>),
    ) -> Result<(), Unanswered> {
        self.check_restored([u8::MAX; 20].into())?;
        let (record, member) = self.member(token, state)?;
        let scopes: Vec<_> = hashes
            .iter()
            .map(|hash| {
                let torrent = self.directory.torrent(hash);
                let scope = torrent.map_or(*hash, |torrent| torrent.info_hash);
                (*hash, torrent, self.opens(token, member, scope))
            })
            .collect();
        let opens = scopes.iter().any(|(_, _, opens)| *opens);
        let missing = scopes.iter().filter(|(_, torrent, _)| torrent.is_none() && !state.torrents);
        let missing: Vec<InfoHash> = missing.map(|(hash, ..)| *hash).collect();
        if !opens {
            let asks = !missing.is_empty();
            return Err(if asks {
                self.ask_torrents_of_strangers(missing)
            } else {
                self.not_opened(token, state)
            });
        }
        let admitted = check_enabled(member).and_then(|()| self.charge(record, state.paid, self.clock.now()));
        if admitted.is_ok() && !missing.is_empty() {
            return Err(Unanswered::Lookup(Subject::Torrents { hashes: missing, paid: true }));
        }
        let verdict = admitted.err().map_or(Verdict::Scraped, Refusal::verdict);
        let mut known = scopes.iter().filter(|(_, _, opens)| *opens).filter_map(|(_, torrent, _)| *torrent);
        let torrent = match (known.next(), known.next()) {
            (Some(only), None) => only.id,
            _ => 0,
        };
        let entry = StoredDecision::new(self.clock.now(), torrent, 0, verdict, origin.kind(Event::None));
        record.with_decisions(|decisions| decisions.push(entry));
        admitted?;
        for (hash, torrent, opens) in scopes {
            give(hash, torrent.filter(|_| opens).map(|torrent| self.swarms.counts(&torrent)));
        }
        Ok(())
    }

    /// The member whose id the key has. Anybody can write that id: the key is checked later.
    fn member(&self, token: &Token, state: RequestState) -> Result<(&MemberRecord, Member), Unanswered> {
        let record = self.directory.record(token.id());
        match record.and_then(|record| Some((record, record.member()?))) {
            Some(found) => Ok(found),
            None if state.member => Err(Refusal::Passkey.into()),
            None => Err(self.ask_member(token)),
        }
    }

    /// Asks for the member whose id the key has. Anybody can write any id into a key, so all strangers share one bucket of
    /// look-ups.
    fn ask_member(&self, token: &Token) -> Unanswered {
        match self.stranger_lookups.take(STRANGER_LOOKUPS, self.clock.now()) {
            Ok(()) => Unanswered::Lookup(Subject::Member(token.id())),
            Err(_) => Refusal::Unavailable.into(),
        }
    }

    /// Asks for torrents that memory lacks, for a key that opens none of them: strangers pay for each hash. The key of a
    /// hybrid torrent is among them when it comes with the hash of version 2: it is bound to that of version 1, which only
    /// the database knows. Its member loses little then, for clients announce the hash of version 1 as well, which brings
    /// both into memory. Where a key opens what it asks for, as only a member's does, the member's own bucket is charged.
    fn ask_torrents_of_strangers(&self, hashes: Vec<InfoHash>) -> Unanswered {
        let count = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
        if self.stranger_lookups.take_some(count, STRANGER_LOOKUPS, self.clock.now()).is_ok() {
            Unanswered::Lookup(Subject::Torrents { hashes, paid: false })
        } else {
            Refusal::Unavailable.into()
        }
    }

    /// Whether all is there that the process before left behind of a torrent, and of those whose hashes are lower.
    fn check_restored(&self, info_hash: InfoHash) -> Result<(), Unanswered> {
        let there = self.directory.restored.has_shard(shard_of(&info_hash));
        if there { Ok(()) } else { Err(Unanswered::Lookup(Subject::Swarm(info_hash))) }
    }

    /// Whether it is the key of that torrent or of the whole account.
    fn opens(&self, token: &Token, member: Member, scope: InfoHash) -> bool {
        let verify = |scope| announce_key::verify(token, &self.settings.key, &member.key, scope);
        verify(Some(scope)) || verify(None)
    }

    /// The key may have been reset a moment ago: the database is asked before the member is told that it is wrong.
    fn not_opened(&self, token: &Token, state: RequestState) -> Unanswered {
        if state.member { Refusal::Passkey.into() } else { self.ask_member(token) }
    }
}

/// For a key that is the member's: nobody else is told.
fn check_enabled(member: Member) -> Result<(), Refusal> {
    if member.enabled { Ok(()) } else { Err(Refusal::Disabled) }
}
