//! Announces and scrapes, from the request target to the bencoded answer.

use std::cell::RefCell;
use std::net::IpAddr;

use bt::announce::{Failure, PeerList, Response, Retry};
use bt::route::{self, Action, Route};
use bt::swarm::{Counts, PeerBuffer};
use bt::token::Token;
use bt::{InfoHash, announce, announce_key, scrape, udp};

use crate::Tracker;
use crate::directory::{Member, Subject, Torrent};
use crate::swarms::shard_of;

/// Minutes until a client that met a fault of ours tries again.
const RETRY_MINUTES: u32 = 2;

/// Why an announce is refused, said to its member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Route(#[from] route::Error),
    #[error(transparent)]
    Announce(#[from] announce::Error),
    #[error(transparent)]
    Scrape(#[from] scrape::Error),
    #[error(transparent)]
    Udp(#[from] udp::Error),
    #[error("The passkey in the announce URL is not valid; download the torrent again, signed in")]
    Passkey,
    #[error("The passkey in the announce URL belongs to a disabled account; ask the staff")]
    Disabled,
    /// Tools delete content on these words: only for what the database does not know.
    #[error("Unregistered torrent; it was deleted, or never uploaded here")]
    Unregistered,
    #[error("Tracker unavailable, the request cannot be checked at the moment; it will be tried again")]
    Unavailable,
}

impl Refusal {
    /// Appends the bencoded refusal.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        let retry = if self == Self::Unavailable { Retry::Minutes(RETRY_MINUTES) } else { Retry::Unsaid };
        Failure { reason: &self.to_string(), retry }.encode(out);
    }
}

/// Why there is no answer yet.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(Refusal),
    /// The directory must ask first.
    Ask(Subject),
}

impl<E: Into<Refusal>> From<E> for Stop {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal.into())
    }
}

/// What the database has been asked for this request: after that, what the directory lacks does not exist.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    member: bool,
    torrents: bool,
}

impl Asked {
    pub(crate) fn note(&mut self, subject: &Subject) {
        match subject {
            Subject::Member(_) => self.member = true,
            Subject::Torrents(_) => self.torrents = true,
            Subject::Swarm(_) => {}
        }
    }
}

thread_local! {
    /// Of this thread, so that an announce allocates nothing.
    static SCRATCH: RefCell<(fastrand::Rng, PeerBuffer)> = RefCell::new((fastrand::Rng::new(), PeerBuffer::default()));
}

impl Tracker {
    /// Appends the answer to the request for `target` of the client at `ip`, from memory; nothing without success.
    pub(crate) fn answer(
        &self,
        target: &[u8],
        ip: IpAddr,
        asked: Asked,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let route = Route::parse(target, self.settings.path_depth)?;
        let token = Token::parse(route.key).ok_or(Refusal::Passkey)?;
        match route.action {
            Action::Announce => {
                let request = announce::Request::parse(route.query)?;
                self.announce(&token, &request, ip, asked, |response| response.encode(out))
            }
            Action::Scrape => {
                let request = scrape::Request::parse(route.query)?;
                let mut files = Vec::with_capacity(request.hashes.len());
                self.scrape(&token, &request.hashes, asked, |hash, counts| {
                    files.extend(counts.map(|counts| (hash, counts)));
                })?;
                scrape::encode(&mut files, out);
                Ok(())
            }
        }
    }

    /// Applies the announce of whoever holds `token` at `ip`, over whichever protocol it came, and has the answer
    /// written by `encode`.
    pub(crate) fn announce(
        &self,
        token: &Token,
        request: &announce::Request,
        ip: IpAddr,
        asked: Asked,
        encode: impl FnOnce(&Response<'_>),
    ) -> Result<(), Stop> {
        let member = self.member(token, asked)?;
        let Some(torrent) = self.directory.torrent(&request.info_hash) else {
            if !asked.torrents {
                return Err(Stop::Ask(Subject::Torrents(vec![request.info_hash])));
            }
            self.check_key(token, member, request.info_hash, asked)?;
            return Err(Refusal::Unregistered.into());
        };
        self.check_key(token, member, torrent.info_hash, asked)?;
        self.check_restored(torrent.info_hash)?;
        SCRATCH.with_borrow_mut(|(rng, peers)| {
            let announcement = self.settings.announcement(&request, token.id(), ip);
            let exists = || self.directory.torrent(&torrent.info_hash).is_some();
            let outcome = self
                .swarms
                .announce(&torrent, exists, &announcement, self.clock.now(), (rng, peers))
                .ok_or(Refusal::Unregistered)?;
            encode(&Response {
                complete: outcome.after.seeders,
                downloaded: outcome.after.snatched,
                external_ip: Some(ip),
                incomplete: outcome.after.leechers,
                interval: self.settings.interval.saturating_add(rng.u32(0..=self.settings.interval / 10)),
                min_interval: self.settings.min_interval,
                peers,
                list: PeerList::choose(request.compact),
                warning: None,
            });
            Ok(())
        })
    }

    /// Tells `give` the counts of each torrent, in order, or none: torrents that the key does not open are like
    /// unknown ones. A key that opens none at all is refused.
    pub(crate) fn scrape(
        &self,
        token: &Token,
        hashes: &[InfoHash],
        asked: Asked,
        mut give: impl FnMut(InfoHash, Option<Counts>),
    ) -> Result<(), Stop> {
        let member = self.member(token, asked)?;
        let unknown = |hash: &&InfoHash| self.directory.torrent(hash).is_none();
        let missing: Vec<InfoHash> = hashes.iter().filter(unknown).copied().collect();
        if !missing.is_empty() && !asked.torrents {
            return Err(Stop::Ask(Subject::Torrents(missing)));
        }
        if !self.directory.gate.is_open() {
            let torrents = hashes.iter().filter_map(|hash| self.directory.torrent(hash));
            let last = torrents.map(|torrent| torrent.info_hash).max_by_key(shard_of);
            last.map_or(Ok(()), |last| self.check_restored(last))?;
        }
        let mut opened = false;
        for &hash in hashes {
            let torrent = self.directory.torrent(&hash);
            let scope = torrent.map_or(hash, |torrent: Torrent| torrent.info_hash);
            let opens = self.opens(token, member, scope);
            opened |= opens;
            give(hash, torrent.filter(|_| opens).map(|torrent| self.swarms.counts(&torrent)));
        }
        if opened { Ok(()) } else { Err(Self::not_opened(token, asked)) }
    }

    fn member(&self, token: &Token, asked: Asked) -> Result<Member, Stop> {
        match self.directory.member(token.id()) {
            Some(member) if member.enabled => Ok(member),
            Some(_) => Err(Refusal::Disabled.into()),
            None if asked.member => Err(Refusal::Passkey.into()),
            None => Err(Stop::Ask(Subject::Member(token.id()))),
        }
    }

    /// Whether all is there that the process before left behind of a torrent.
    fn check_restored(&self, info_hash: InfoHash) -> Result<(), Stop> {
        let there = self.directory.gate.has_shard(shard_of(&info_hash));
        if there { Ok(()) } else { Err(Stop::Ask(Subject::Swarm(info_hash))) }
    }

    fn check_key(&self, token: &Token, member: Member, scope: InfoHash, asked: Asked) -> Result<(), Stop> {
        if self.opens(token, member, scope) { Ok(()) } else { Err(Self::not_opened(token, asked)) }
    }

    /// Whether it is the key of that torrent or of the whole account.
    fn opens(&self, token: &Token, member: Member, scope: InfoHash) -> bool {
        let verify = |scope| announce_key::verify(token, &self.settings.key, member.key_version, scope);
        verify(Some(scope)) || verify(None)
    }

    /// The key may have been reset a moment ago: the database is asked before the member is told that it is wrong.
    fn not_opened(token: &Token, asked: Asked) -> Stop {
        if asked.member { Refusal::Passkey.into() } else { Stop::Ask(Subject::Member(token.id())) }
    }
}
