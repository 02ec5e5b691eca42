//! Answers announces and scrapes: from the request's target to the bencoded answer.

mod health;
mod refusal;
mod request_state;

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
use crate::metrics::counters;
use crate::shard::shard_of;
use crate::state::Tracker;
pub(crate) use refusal::Refusal;
pub(crate) use request_state::RequestState;

/// Limit on look-ups of members and torrents for keys that memory does not confirm: 5000 a second for all senders of
/// such keys together, which a database answers easily in batches.
const UNCONFIRMED_KEY_LOOKUPS: RateLimit = RateLimit::new(300_000, 20_000);

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
    /// One buffer for each thread, so that an announce allocates nothing.
    static PEERS: RefCell<PeerBuffer> = RefCell::new(PeerBuffer::default());
}

impl Tracker {
    /// Appends the answer to the request for `target`, from memory alone. Appends nothing if there is an error.
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
            // Not counted as an announce.
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

    /// Counts the outcome of a request, and times some of the announces.
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
            // The same request is answered again after the look-up.
            Err(Unanswered::Lookup(_)) => return result,
        };
        state.end();
        counters::count(action, protocol, verdict);
        result
    }

    /// Counts and records a request that stays unanswered because the database is away.
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

    /// Applies the announce of the member whose key is `token`, from any protocol. `encode` writes the answer.
    pub(crate) fn announce(
        &self,
        token: &Token,
        request: &announce::Request,
        origin: Origin,
        state: RequestState,
        encode: impl FnOnce(&Response<'_>),
    ) -> Result<(), Unanswered> {
        // Members and torrents must be restored before one is called unknown.
        self.check_restored(request.info_hash)?;
        let (record, member) = self.member(token, state)?;
        let torrent = self.directory.torrent(&request.info_hash);
        let scope = torrent.map_or(request.info_hash, |torrent| torrent.info_hash);
        let is_missing = torrent.is_none() && !state.torrents;
        if !self.opens(token, member, scope) {
            let unanswered = if is_missing {
                self.ask_torrents_for_unconfirmed_key(vec![request.info_hash])
            } else {
                self.not_opened(token, state)
            };
            if let Unanswered::Refused(refusal) = unanswered {
                self.check_refused_key(token, Some(request), refusal, origin);
            }
            return Err(unanswered);
        }
        self.check_restored(scope)?;
        // The key is the member's: from here on the announce doctor shows what becomes of the announce.
        let client = client_prefix(&request.peer_id);
        let now = self.clock.now();
        // A torrent that is not in memory has no peer that could leave.
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
            // A refused client gets no number: there are 65,535.
            Err(refusal) => entry(self.swarms.known_number(client), refusal.verdict()),
        };
        record.with_decisions(|decisions| decisions.push(entry));
        Ok(result.map(drop)?)
    }

    /// Whether the member may announce now, with this client.
    ///
    /// `stopped` is always admitted: otherwise the bytes it reports would be lost, and the peer given to others until
    /// it expires. It takes a token all the same. A request that is `paid` for took its token before the database was
    /// asked.
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

    /// Takes a token from the member's bucket, unless the request has taken one before.
    fn charge(&self, record: &MemberRecord, paid: bool, now: u32) -> Result<(), Refusal> {
        if paid {
            return Ok(());
        }
        record.bucket.take(self.settings.rate_limit, now).map_err(|minutes| Refusal::TooOften { minutes })
    }

    /// Applies the announce to the swarm. Returns the numbers of IPv4 and of IPv6 peers in the answer.
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
                // The version 2 hash of a hybrid torrent. Clients that know both versions announce both hashes, and get
                // peers with the version 1 hash only: libtorrent 2 keeps greeting a peer with the hash under which it
                // learnt of it, and clients that know only version 1 hang up at a version 2 hash.
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

    /// Calls `give` with each hash, in order, and its counts: `None` for a torrent that the key is not valid for, as
    /// for an unknown one. A key that is valid for none of them is refused.
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
                self.ask_torrents_for_unconfirmed_key(missing)
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

    /// The member whose id the key has. Anybody can write any id into a key: `opens` checks it.
    fn member(&self, token: &Token, state: RequestState) -> Result<(&MemberRecord, Member), Unanswered> {
        let record = self.directory.record(token.id());
        match record.and_then(|record| Some((record, record.member()?))) {
            Some(found) => Ok(found),
            None if state.member => Err(Refusal::Passkey.into()),
            None => Err(self.ask_member(token)),
        }
    }

    /// Asks for the member whose id the key has. Anybody can write any id into a key, so all unconfirmed keys share one
    /// bucket of look-ups.
    fn ask_member(&self, token: &Token) -> Unanswered {
        match self.unconfirmed_key_lookups.take(UNCONFIRMED_KEY_LOOKUPS, self.clock.now()) {
            Ok(()) => Unanswered::Lookup(Subject::Member(token.id())),
            Err(_) => Refusal::Unavailable.into(),
        }
    }

    /// Asks for torrents that memory lacks, for a key that is valid for none of their hashes as announced. Each hash
    /// takes a token from the bucket that all unconfirmed keys share.
    ///
    /// A member's key of a hybrid torrent comes here if the client announces the version 2 hash first: the key is bound
    /// to the version 1 hash, which only the database knows. Clients announce that hash as well, so the member loses
    /// little if this bucket is empty. A key that is valid for the hash itself takes a token from the
    /// member's own bucket.
    fn ask_torrents_for_unconfirmed_key(&self, hashes: Vec<InfoHash>) -> Unanswered {
        let count = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
        if self.unconfirmed_key_lookups.take_some(count, UNCONFIRMED_KEY_LOOKUPS, self.clock.now()).is_ok() {
            Unanswered::Lookup(Subject::Torrents { hashes, paid: false })
        } else {
            Refusal::Unavailable.into()
        }
    }

    /// Whether the restart file has been read up to and including the torrent's shard.
    fn check_restored(&self, info_hash: InfoHash) -> Result<(), Unanswered> {
        let is_restored = self.directory.restored.has_shard(shard_of(&info_hash));
        if is_restored { Ok(()) } else { Err(Unanswered::Lookup(Subject::Swarm(info_hash))) }
    }

    /// Whether the key is valid for that torrent, or for all torrents.
    fn opens(&self, token: &Token, member: Member, scope: InfoHash) -> bool {
        let verify = |scope| announce_key::verify(token, &self.settings.key, &member.key, scope);
        verify(Some(scope)) || verify(None)
    }

    /// The key is not valid by what memory knows. The member may have reset it a moment ago: the database is asked
    /// before the client is told that the key is wrong.
    fn not_opened(&self, token: &Token, state: RequestState) -> Unanswered {
        if state.member { Refusal::Passkey.into() } else { self.ask_member(token) }
    }
}

/// Refuses a disabled member. To be called only after the key was found to be the member's: nobody else may learn it.
fn check_enabled(member: Member) -> Result<(), Refusal> {
    if member.enabled { Ok(()) } else { Err(Refusal::Disabled) }
}
