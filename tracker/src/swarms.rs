//! All swarms, in shards with a lock each.

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
pub(crate) use stored::RestoreOptions;

/// Peers visited under one lock, which takes well below a millisecond.
const STEPS: usize = 1024;

/// The number of client tables that this process has made, to tell them apart.
static TABLES: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// A cache of client numbers: prefix, the table that numbered it, number. A number never changes.
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
    /// Client prefixes by number. Locked while a shard is, never the other way round. Only new peers need it.
    clients: RwLock<Clients>,
    /// Tells `clients` from the client tables of other `Swarms` in this process.
    table: u32,
}

#[derive(Debug, Default)]
struct Shard {
    swarms: HashMap<InfoHash, Entry, RandomState>,
    /// Torrents whose counts are to be published, each once.
    changed: Vec<InfoHash>,
    /// Reports that wait to be gathered.
    reports: Vec<Report>,
    /// Snatches that are reported in a few seconds, unless they are taken back.
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
    /// Marks the torrent for publication if its public counts differ from `before`.
    fn note_change(&mut self, info_hash: InfoHash, before: Counts) {
        if let Some(entry) = self.swarms.get_mut(&info_hash)
            && !entry.changed
            && public(entry.swarm.counts()) != public(before)
        {
            entry.changed = true;
            self.changed.push(info_hash);
        }
    }

    /// Drops the swarm if it is empty and published.
    fn drop_empty(&mut self, info_hash: &InfoHash) {
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

    /// Applies an announce; see [`Swarm::announce`]. The bytes that it accounts for are taken from the member's
    /// `budget`.
    ///
    /// `None` for a torrent that was deleted meanwhile. `exists` says under the lock whether it was: a deletion removes
    /// the torrent from the directory first and its swarm afterwards, so that no swarm is made behind its back.
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
            shard.claims.observe(torrent.id, announcement, &mut outcome, now);
            if let Some(report) = Report::of(torrent.id, announcement, &outcome, &entry.swarm, self.date(now))
            {
                shard.report(report);
            }
            Some(outcome)
        })
    }

    /// The counts of one torrent.
    pub(crate) fn counts(&self, torrent: &Torrent) -> Counts {
        self.locked(shard_of(&torrent.info_hash), |shard| match shard.swarms.get(&torrent.info_hash) {
            Some(entry) => Counts { snatched: torrent.snatched, ..entry.swarm.counts() },
            None => Counts { snatched: torrent.snatched, ..Counts::default() },
        })
    }

    /// Sets a torrent's number of snatches. A change is published even if the torrent has no peers.
    pub(crate) fn set_snatched(&self, torrent: &Torrent) {
        self.locked(shard_of(&torrent.info_hash), |shard| {
            let entry = shard.swarms.entry(torrent.info_hash).or_insert_with(|| Entry::new(0));
            let before = entry.swarm.counts();
            entry.swarm.set_snatched(torrent.snatched);
            shard.note_change(torrent.info_hash, before);
            shard.drop_empty(&torrent.info_hash);
        });
    }

    /// Drops a torrent's swarm; its counts are published as 0.
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
                    shard.drop_empty(&info_hash);
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

    /// How many torrents have peers, and the endpoints of these: IPv4 of seeders and leechers, then IPv6.
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
                        shard.swarms.iter().for_each(|(hash, entry)| add(*hash, entry));
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

    /// Drops all peers of a member, in every swarm.
    pub(crate) async fn remove_member(&self, member: u32) {
        self.visit(|swarm, _| {
            let all = swarm.len();
            swarm.remove_member(member);
            all
        })
        .await;
    }

    /// Applies `change` to every swarm, in small steps, so that announces wait for one step at most. `change` is told
    /// how many peers to visit, and returns how many it visited.
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
                        shard.note_change(info_hash, before);
                        shard.drop_empty(&info_hash);
                        if seen < unseen {
                            rest.push((info_hash, unseen - seen));
                        }
                        // The swarm itself counts as a step: most have few peers.
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

    /// The number of a client's prefix. Each thread has a small cache of them, so that announces of the usual clients
    /// take no lock.
    pub(crate) fn number_of(&self, client: ClientPrefix) -> u16 {
        let hash = u64::from_be_bytes(client).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        NUMBERS.with(|numbers| {
            let cached = &numbers[(hash >> 58) as usize];
            if let Some((known, table, number)) = cached.get()
                && (known, table) == (client, self.table)
            {
                return number;
            }
            let known = self.clients.read().number(&client);
            let number = known.unwrap_or_else(|| self.clients.write().intern(client));
            cached.set(Some((client, self.table, number)));
            number
        })
    }

    /// The number of a client's prefix if it has one, else 0, which stands for unknown clients.
    pub(crate) fn known_number(&self, client: ClientPrefix) -> u16 {
        self.clients.read().number(&client).unwrap_or(0)
    }

    /// The client prefix for a number.
    pub(crate) fn prefix(&self, number: u16) -> ClientPrefix {
        self.clients.read().prefix(number)
    }

    /// Calls `use_it` under a shard's lock, which guards everything in the shard. `use_it` must not wait for anything.
    fn locked<T>(&self, shard: usize, use_it: impl FnOnce(&mut Shard) -> T) -> T {
        use_it(&mut self.shards[shard].lock())
    }

    /// The same for a caller that locks again at once: threads that wait for the lock get it first.
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

/// The counts that are published: seeders, leechers and snatches.
fn public(counts: Counts) -> (u32, u32, u32) {
    (counts.seeders, counts.leechers, counts.snatched)
}
