//! All swarms, in parts with a lock each.

use bt::swarm::{Announcement, ClientPrefix, Clients, Counts, Outcome, PeerBuffer, Rules, Swarm};
use bt::{InfoHash, control, counts};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::{Mutex, RwLock};

use crate::directory::Torrent;

/// One for each first byte of a hash.
const SHARDS: usize = 256;

/// Peers looked at under one lock, well below a millisecond.
const STEPS: usize = 4096;

/// The peers of every torrent that has or had any.
#[derive(Debug)]
pub(crate) struct Swarms {
    shards: Box<[Mutex<Shard>]>,
    rules: Rules,
    /// Taken while a shard is held, never the other way round. Only a new peer needs it.
    clients: RwLock<Clients>,
}

#[derive(Debug, Default)]
struct Shard {
    swarms: HashMap<InfoHash, Room, RandomState>,
    /// Torrents whose counts are to be published, each once.
    changed: Vec<InfoHash>,
}

/// A swarm and what its publication needs.
#[derive(Debug)]
struct Room {
    swarm: Swarm,
    /// Snatches that the database knows of.
    loaded: u32,
    /// Whether it stands in [`Shard::changed`].
    changed: bool,
}

impl Shard {
    /// Notes the torrent for publication if its public numbers are others than `before`.
    fn note(&mut self, info_hash: InfoHash, before: Counts) {
        if let Some(room) = self.swarms.get_mut(&info_hash)
            && !room.changed
            && public(room.swarm.counts()) != public(before)
        {
            room.changed = true;
            self.changed.push(info_hash);
        }
    }

    /// Forgets an empty swarm. One that was snatched stays: the number is kept here until a restart.
    fn tidy(&mut self, info_hash: &InfoHash) {
        if let Some(room) = self.swarms.get(info_hash)
            && room.swarm.is_empty()
            && !room.changed
            && room.swarm.counts().snatched == room.loaded
        {
            self.swarms.remove(info_hash);
        }
    }

    fn record(&self, info_hash: InfoHash) -> counts::Record {
        let counts = self.swarms.get(&info_hash).map(|room| room.swarm.counts()).unwrap_or_default();
        counts::Record::new(info_hash, counts)
    }
}

impl Swarms {
    pub(crate) fn new(rules: Rules) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, rules, clients: RwLock::default() }
    }

    /// Applies an announce; see [`Swarm::announce`].
    ///
    /// A new swarm is made only if `exists` says under the lock that the torrent is still there: whoever deletes one
    /// takes it out of the directory before its swarm.
    pub(crate) fn announce(
        &self,
        torrent: &Torrent,
        exists: impl FnOnce() -> bool,
        announcement: &Announcement,
        now: u32,
        (rng, peers): (&mut fastrand::Rng, &mut PeerBuffer),
    ) -> Option<Outcome> {
        self.locked(shard_of(&torrent.info_hash), |shard| {
            let room = match shard.swarms.entry(torrent.info_hash) {
                Entry::Occupied(room) => room.into_mut(),
                Entry::Vacant(place) if exists() => place.insert(Room::new(torrent.snatched)),
                Entry::Vacant(_) => return None,
            };
            let intern = |client| self.number_of(client);
            let outcome = room.swarm.announce(announcement, &self.rules, now, rng, intern, peers);
            if !room.changed && public(outcome.before) != public(outcome.after) {
                room.changed = true;
                shard.changed.push(torrent.info_hash);
            }
            Some(outcome)
        })
    }

    /// The numbers of one torrent.
    pub(crate) fn counts(&self, torrent: &Torrent) -> Counts {
        self.locked(shard_of(&torrent.info_hash), |shard| match shard.swarms.get(&torrent.info_hash) {
            Some(room) => room.swarm.counts(),
            None => Counts { snatched: torrent.snatched, ..Counts::default() },
        })
    }

    /// Forgets a torrent; its counts are published as 0.
    pub(crate) fn remove(&self, info_hash: InfoHash) {
        self.locked(shard_of(&info_hash), |shard| {
            if shard.swarms.remove(&info_hash).is_some_and(|room| !room.changed) {
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
                    if let Some(room) = shard.swarms.get_mut(&info_hash) {
                        room.changed = false;
                    }
                    records.push(shard.record(info_hash));
                    shard.tidy(&info_hash);
                }
            });
        }
        records
    }

    /// The counts of all torrents with peers, and of those snatched since they were loaded.
    pub(crate) fn snapshot(&self) -> Vec<counts::Record> {
        let mut records = Vec::new();
        for shard in 0..SHARDS {
            self.locked(shard, |shard| {
                let worth =
                    |room: &Room| !room.swarm.is_empty() || room.swarm.counts().snatched != room.loaded;
                let rooms = shard.swarms.iter().filter(|(_, room)| worth(room));
                records.extend(rooms.map(|(hash, room)| counts::Record::new(*hash, room.swarm.counts())));
            });
        }
        records
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
        let mut add = |info_hash: InfoHash, room: &Room| {
            total += room.swarm.len();
            let rest = limit.saturating_sub(peers.len());
            let clients = self.clients.read();
            let some = room.swarm.peers(now, &clients).take(rest);
            peers.extend(some.map(|peer| control::PeerRecord { info_hash, peer }));
        };
        match info_hash {
            Some(hash) => self.locked(shard_of(&hash), |shard| {
                shard.swarms.get(&hash).into_iter().for_each(|room| add(hash, room));
            }),
            None => {
                for shard in 0..SHARDS {
                    self.locked(shard, |shard| shard.swarms.iter().for_each(|(hash, room)| add(*hash, room)));
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
                self.locked(shard, |shard| {
                    let mut steps = STEPS;
                    while let Some((info_hash, unseen)) = rest.pop() {
                        let Some(room) = shard.swarms.get_mut(&info_hash) else { continue };
                        let before = room.swarm.counts();
                        let unseen = unseen.min(room.swarm.len());
                        let seen = change(&mut room.swarm, unseen.min(steps));
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

    fn number_of(&self, client: ClientPrefix) -> u16 {
        let known = self.clients.read().number(&client);
        known.unwrap_or_else(|| self.clients.write().intern(client))
    }

    /// The one function that takes a shard's lock. It guards the swarms of the shard; `use_it` cannot wait for anything.
    fn locked<T>(&self, shard: usize, use_it: impl FnOnce(&mut Shard) -> T) -> T {
        use_it(&mut self.shards[shard].lock())
    }
}

impl Room {
    fn new(snatched: u32) -> Self {
        Self { swarm: Swarm::new(snatched), loaded: snatched, changed: false }
    }
}

fn shard_of(info_hash: &InfoHash) -> usize {
    usize::from(info_hash.as_bytes()[0])
}

/// What is published; partial seeds are not told apart there.
fn public(counts: Counts) -> (u32, u32, u32) {
    (counts.seeders, counts.leechers, counts.snatched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bt::announce::Event;

    fn torrent(number: u8, snatched: u32) -> Torrent {
        Torrent { id: number.into(), info_hash: [number; 20].into(), snatched }
    }

    fn announcement(member: u32, left: u64, event: Event) -> Announcement {
        Announcement {
            member,
            identity: 7,
            client: [7; 8],
            endpoint: ([192, 0, 2, 1], 6881).into(),
            uploaded: 0,
            downloaded: 0,
            left: Some(left),
            event,
            numwant: 50,
        }
    }

    fn announce(swarms: &Swarms, torrent: &Torrent, member: u32, left: u64, event: Event, now: u32) {
        let announcement = announcement(member, left, event);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut peers = PeerBuffer::default();
        swarms
            .announce(torrent, || true, &announcement, now, (&mut rng, &mut peers))
            .expect("the torrent exists");
    }

    fn numbers(records: &[counts::Record]) -> Vec<(u8, u32, u32, u32)> {
        let mut numbers: Vec<_> = records
            .iter()
            .map(|it| (it.info_hash.as_bytes()[0], it.seeders, it.leechers, it.snatched))
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn a_change_is_published_once_with_the_latest_numbers() {
        let swarms = Swarms::new(Rules::default());
        announce(&swarms, &torrent(1, 5), 1, 10, Event::Started, 0);
        announce(&swarms, &torrent(1, 5), 2, 0, Event::Started, 0);
        announce(&swarms, &torrent(2, 0), 2, 0, Event::Started, 0);
        assert_eq!(numbers(&swarms.take_changed()), [(1, 1, 1, 5), (2, 1, 0, 0)]);
        announce(&swarms, &torrent(1, 5), 1, 5, Event::None, 0);
        assert_eq!(numbers(&swarms.take_changed()), []);
    }

    #[tokio::test]
    async fn an_expired_swarm_is_published_as_empty_and_forgotten_unless_snatched() {
        let swarms = Swarms::new(Rules::default());
        announce(&swarms, &torrent(1, 0), 1, 10, Event::Started, 0);
        announce(&swarms, &torrent(2, 0), 1, 10, Event::Started, 0);
        announce(&swarms, &torrent(2, 0), 1, 0, Event::Completed, 0);
        swarms.take_changed();
        swarms.expire(100, 100).await;
        assert_eq!(numbers(&swarms.take_changed()), []);
        swarms.expire(101, 100).await;
        assert_eq!(numbers(&swarms.take_changed()), [(1, 0, 0, 0), (2, 0, 0, 1)]);
        assert_eq!(numbers(&swarms.snapshot()), [(2, 0, 0, 1)]);
        assert_eq!(swarms.shards[1].lock().swarms.len(), 0);
        assert_eq!(swarms.counts(&torrent(2, 0)).snatched, 1);
    }

    #[tokio::test]
    async fn all_of_a_large_swarm_and_of_many_small_ones_is_visited() {
        let swarms = Swarms::new(Rules::default());
        for member in 0..3 * u32::try_from(STEPS).expect("small") {
            announce(&swarms, &torrent(1, 0), member, 10, Event::Started, 0);
        }
        for second in 0..=255 {
            let mut hash = [1; 20];
            hash[1] = second;
            hash[2] = 2;
            announce(
                &swarms,
                &Torrent { id: 1, info_hash: hash.into(), snatched: 0 },
                1,
                0,
                Event::Started,
                0,
            );
        }
        swarms.remove_member(1).await;
        assert_eq!(swarms.peers(None, 0, 0).0, 3 * 4096 - 1);
        swarms.expire(101, 100).await;
        assert_eq!(swarms.peers(None, 10, 0), (0, Vec::new()));
        swarms.take_changed();
        assert_eq!(swarms.shards[1].lock().swarms.len(), 0);
    }

    #[test]
    fn a_deleted_torrent_is_published_as_empty_and_not_made_again() {
        let swarms = Swarms::new(Rules::default());
        announce(&swarms, &torrent(1, 4), 1, 0, Event::Started, 0);
        swarms.take_changed();
        swarms.remove([1; 20].into());
        swarms.remove([1; 20].into());
        assert_eq!(numbers(&swarms.take_changed()), [(1, 0, 0, 0)]);
        assert_eq!(numbers(&swarms.snapshot()), []);
        let announcement = announcement(1, 0, Event::Started);
        let mut rng = fastrand::Rng::with_seed(1);
        let into = (&mut rng, &mut PeerBuffer::default());
        assert_eq!(swarms.announce(&torrent(1, 4), || false, &announcement, 0, into), None);
    }
}
