//! All swarms, in parts with a lock each.

mod reporting;
mod stored;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bt::messages::report::Report;
use bt::messages::{control, counts};
use bt::swarm::{
    Announcement, Budget, Claims, Clients, Counts, Endpoints, MemberRate, Outcome, PeerBuffer, Rules, Swarm,
};
use bt::{ClientPrefix, InfoHash};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map;
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::directory::Torrent;
use crate::shard::{SHARDS, shard_of};
pub(crate) use stored::Return;

/// Peers looked at under one lock, well below a millisecond.
const STEPS: usize = 1024;

/// Tables of clients that this process has made.
static TABLES: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Clients that this thread has lately met, each with the table that numbered it. A number never changes.
    static NUMBERS: [Cell<Option<(ClientPrefix, u32, u16)>>; 64] = const { [const { Cell::new(None) }; 64] };
}

/// The peers of every torrent that has or had any.
#[derive(Debug)]
pub(crate) struct Swarms {
    shards: Box<[Mutex<Shard>]>,
    rules: Rules,
    /// What a member can move, with all peers together.
    member_rate: MemberRate,
    /// Second 0 of the tracker's clock, in seconds since 1970: what reports are dated from.
    started: AtomicU64,
    /// Taken while a shard is held, never the other way round. Only a new peer needs it.
    clients: RwLock<Clients>,
    /// Tells `clients` from the tables of other swarms.
    table: u32,
}

#[derive(Debug, Default)]
struct Shard {
    swarms: HashMap<InfoHash, Entry, RandomState>,
    /// Torrents whose counts are to be published, each once.
    changed: Vec<InfoHash>,
    /// What announces moved.
    reports: Vec<Report>,
    /// What is reported in a moment, unless it is taken back.
    claims: Claims,
    /// Reports dropped because the list was full.
    lost: u64,
}

/// A swarm, and whether its counts wait to be published.
#[derive(Debug)]
struct Entry {
    swarm: Swarm,
    /// Whether it stands in [`Shard::changed`].
    changed: bool,
}

impl Shard {
    /// Notes the torrent for publication if its public numbers are others than `before`.
    fn note(&mut self, info_hash: InfoHash, before: Counts) {
        if let Some(entry) = self.swarms.get_mut(&info_hash)
            && !entry.changed
            && public(entry.swarm.counts()) != public(before)
        {
            entry.changed = true;
            self.changed.push(info_hash);
        }
    }

    /// Forgets an empty swarm.
    fn tidy(&mut self, info_hash: &InfoHash) {
        if let Some(entry) = self.swarms.get(info_hash)
            && entry.swarm.is_empty()
            && !entry.changed
        {
            self.swarms.remove(info_hash);
        }
    }

    fn record(&self, info_hash: InfoHash) -> counts::Record {
        let counts = self.swarms.get(&info_hash).map(|entry| entry.swarm.counts()).unwrap_or_default();
        counts::Record::new(info_hash, counts)
    }
}

impl Swarms {
    /// `started` is second 0 of the tracker's clock, in seconds since 1970.
    pub(crate) fn new(rules: Rules, member_rate: MemberRate, started: u64) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let table = TABLES.fetch_add(1, Ordering::Relaxed);
        let started = AtomicU64::new(started);
        Self { shards, rules, member_rate, started, clients: RwLock::default(), table }
    }

    /// Dates reports from now on by a second 0 that has moved, as the system's clock was set.
    pub(crate) fn set_started(&self, started: u64) {
        // Announces read it: it is written only where it changes.
        if self.started.load(Ordering::Relaxed) != started {
            self.started.store(started, Ordering::Relaxed);
        }
    }

    /// A second of the tracker's clock, in seconds since 1970.
    fn date(&self, second: u32) -> u64 {
        self.started.load(Ordering::Relaxed) + u64::from(second)
    }

    /// Applies an announce; see [`Swarm::announce`]. The bytes that it accounts for are taken from the member's `budget`.
    ///
    /// A new swarm is made only if `exists` says under the lock that the torrent is still there: whoever deletes one
    /// takes it out of the directory before its swarm.
    pub(crate) fn announce(
        &self,
        torrent: &Torrent,
        exists: impl FnOnce() -> bool,
        announcement: &Announcement,
        budget: &Budget,
        now: u32,
        (rng, peers): (&mut fastrand::Rng, &mut PeerBuffer),
    ) -> Option<Outcome> {
        self.locked(shard_of(&torrent.info_hash), |shard| {
            let entry = match shard.swarms.entry(torrent.info_hash) {
                hash_map::Entry::Occupied(entry) => entry.into_mut(),
                hash_map::Entry::Vacant(free) if exists() => free.insert(Entry::new(torrent.snatched)),
                hash_map::Entry::Vacant(_) => return None,
            };
            let intern = |client| self.number_of(client);
            let mut outcome = entry.swarm.announce(announcement, &self.rules, now, rng, intern, peers);
            if !entry.changed && public(outcome.before) != public(outcome.after) {
                entry.changed = true;
                shard.changed.push(torrent.info_hash);
            }
            budget.spend(&mut outcome, self.member_rate, now);
            shard.claims.hear(torrent.id, announcement, &mut outcome, now);
            if let Some(report) = Report::of(torrent.id, announcement, &outcome, &entry.swarm, self.date(now))
            {
                shard.report(report);
            }
            Some(outcome)
        })
    }

    /// The numbers of one torrent.
    pub(crate) fn counts(&self, torrent: &Torrent) -> Counts {
        self.locked(shard_of(&torrent.info_hash), |shard| match shard.swarms.get(&torrent.info_hash) {
            Some(entry) => Counts { snatched: torrent.snatched, ..entry.swarm.counts() },
            None => Counts { snatched: torrent.snatched, ..Counts::default() },
        })
    }

    /// Takes over a torrent's number of snatches, to be published also where nobody is.
    pub(crate) fn set_snatched(&self, torrent: &Torrent) {
        self.locked(shard_of(&torrent.info_hash), |shard| {
            let entry = shard.swarms.entry(torrent.info_hash).or_insert_with(|| Entry::new(0));
            let before = entry.swarm.counts();
            entry.swarm.set_snatched(torrent.snatched);
            shard.note(torrent.info_hash, before);
            shard.tidy(&torrent.info_hash);
        });
    }

    /// Forgets a torrent; its counts are published as 0.
    pub(crate) fn remove(&self, info_hash: InfoHash) {
        self.locked(shard_of(&info_hash), |shard| {
            if shard.swarms.remove(&info_hash).is_some_and(|entry| !entry.changed) {
                shard.changed.push(info_hash);
            }
        });
    }

    /// The present counts of all torrents that changed since the last call.
    pub(crate) fn take_changed(&self) -> Vec<counts::Record> {
        let mut records = Vec::new();
        for shard in 0..SHARDS {
            self.locked(shard, |shard| {
                for info_hash in std::mem::take(&mut shard.changed) {
                    if let Some(entry) = shard.swarms.get_mut(&info_hash) {
                        entry.changed = false;
                    }
                    records.push(shard.record(info_hash));
                    shard.tidy(&info_hash);
                }
            });
        }
        records
    }

    /// The counts of all torrents with peers.
    pub(crate) fn snapshot(&self) -> Vec<counts::Record> {
        let mut records = Vec::new();
        for shard in 0..SHARDS {
            self.locked(shard, |shard| {
                let entries = shard.swarms.iter().filter(|(_, entry)| !entry.swarm.is_empty());
                records.extend(entries.map(|(hash, entry)| counts::Record::new(*hash, entry.swarm.counts())));
            });
        }
        records
    }

    /// How many torrents have peers, and where these can be reached.
    pub(crate) fn totals(&self) -> (u64, [u64; 4]) {
        let (mut torrents, mut endpoints) = (0, [0; 4]);
        for shard in 0..SHARDS {
            self.locked(shard, |shard| {
                for entry in shard.swarms.values().filter(|entry| !entry.swarm.is_empty()) {
                    torrents += 1;
                    let Endpoints { v4_seeders, v4_leechers, v6_seeders, v6_leechers } =
                        entry.swarm.endpoints();
                    let more = [v4_seeders, v4_leechers, v6_seeders, v6_leechers];
                    endpoints.iter_mut().zip(more).for_each(|(sum, more)| *sum += u64::from(more));
                }
            });
        }
        (torrents, endpoints)
    }

    /// Up to `limit` peers of one torrent or of all, and how many there are.
    pub(crate) fn peers(
        &self,
        info_hash: Option<InfoHash>,
        limit: usize,
        now: u32,
    ) -> (u32, Vec<control::PeerRecord>) {
        let mut total = 0;
        let mut peers = Vec::new();
        let mut add = |info_hash: InfoHash, entry: &Entry| {
            total += entry.swarm.len();
            let rest = limit.saturating_sub(peers.len());
            let clients = self.clients.read();
            let some = entry.swarm.peers(now, &clients).take(rest);
            peers.extend(some.map(|peer| control::PeerRecord { info_hash, peer, reachable: None }));
        };
        match info_hash {
            Some(hash) => self.locked(shard_of(&hash), |shard| {
                shard.swarms.get(&hash).into_iter().for_each(|entry| add(hash, entry));
            }),
            None => {
                for shard in 0..SHARDS {
                    self.locked(shard, |shard| {
                        shard.swarms.iter().for_each(|(hash, entry)| add(*hash, entry))
                    });
                }
            }
        }
        (u32::try_from(total).unwrap_or(u32::MAX), peers)
    }

    /// Drops peers that were silent for more than `timeout` seconds.
    pub(crate) async fn expire(&self, now: u32, timeout: u32) {
        self.visit(|swarm, steps| {
            swarm.expire(now, timeout, steps);
            steps
        })
        .await;
    }

    /// Drops all peers of a member.
    pub(crate) async fn remove_member(&self, member: u32) {
        self.visit(|swarm, _| {
            let all = swarm.len();
            swarm.remove_member(member);
            all
        })
        .await;
    }

    /// Applies `change` to every swarm, in small steps between which announces get their turn. It is told how many
    /// peers it shall look at now and says how many it looked at.
    async fn visit(&self, mut change: impl FnMut(&mut Swarm, usize) -> usize) {
        for shard in 0..SHARDS {
            let mut rest: Vec<(InfoHash, usize)> =
                self.locked(shard, |shard| shard.swarms.keys().map(|hash| (*hash, usize::MAX)).collect());
            while !rest.is_empty() {
                self.locked_fairly(shard, |shard| {
                    let mut steps = STEPS;
                    while let Some((info_hash, unseen)) = rest.pop() {
                        let Some(entry) = shard.swarms.get_mut(&info_hash) else { continue };
                        let before = entry.swarm.counts();
                        let unseen = unseen.min(entry.swarm.len());
                        let seen = change(&mut entry.swarm, unseen.min(steps));
                        shard.note(info_hash, before);
                        shard.tidy(&info_hash);
                        if seen < unseen {
                            rest.push((info_hash, unseen - seen));
                        }
                        // One for the swarm itself: most have few peers.
                        steps = steps.saturating_sub(seen + 1);
                        if steps == 0 {
                            break;
                        }
                    }
                });
                tokio::task::yield_now().await;
            }
        }
    }

    /// The number of a client's prefix. Each thread remembers the one that it was last asked for, in each place of a
    /// small table: announces of the usual clients need no lock.
    pub(crate) fn number_of(&self, client: ClientPrefix) -> u16 {
        let hash = u64::from_be_bytes(client).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        NUMBERS.with(|numbers| {
            let place = &numbers[(hash >> 58) as usize];
            if let Some((known, table, number)) = place.get()
                && (known, table) == (client, self.table)
            {
                return number;
            }
            let known = self.clients.read().number(&client);
            let number = known.unwrap_or_else(|| self.clients.write().intern(client));
            place.set(Some((client, self.table, number)));
            number
        })
    }

    /// The number of a client's prefix if it has one, else that of unknown clients.
    pub(crate) fn known_number(&self, client: ClientPrefix) -> u16 {
        self.clients.read().number(&client).unwrap_or(0)
    }

    /// The client's prefix with a number.
    pub(crate) fn prefix(&self, number: u16) -> ClientPrefix {
        self.clients.read().prefix(number)
    }

    /// Takes a shard's lock. It guards the swarms of the shard; `use_it` cannot wait for anything.
    fn locked<T>(&self, shard: usize, use_it: impl FnOnce(&mut Shard) -> T) -> T {
        use_it(&mut self.shards[shard].lock())
    }

    /// The same for whoever takes it again at once: who waits for it has it first.
    fn locked_fairly(&self, shard: usize, use_it: impl FnOnce(&mut Shard)) {
        let mut guard = self.shards[shard].lock();
        use_it(&mut guard);
        MutexGuard::unlock_fair(guard);
    }
}

impl Entry {
    fn new(snatched: u32) -> Self {
        Self { swarm: Swarm::new(snatched), changed: false }
    }
}

/// What is published; partial seeds are not told apart there.
fn public(counts: Counts) -> (u32, u32, u32) {
    (counts.seeders, counts.leechers, counts.snatched)
}
