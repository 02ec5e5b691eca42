//! Clients of one member that seed the same torrent: each second counts once.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::account::Account;
use super::growth::short;
use super::peer_buckets::{Location, PeerBuckets};
use super::{MOST_PER_MEMBER, Swarm};

/// For each member who has, or had a short time ago, several clients here: the seconds that count already.
///
/// Most swarms have no such member, and take 8 bytes for it. Only a client that joins makes an entry, so that an
/// announce of a known peer allocates nothing.
#[derive(Debug, Default)]
pub(super) struct SharedSeconds(Option<Box<Map>>);

/// The clients and the counted seconds of each member, by the member's id.
type Map = HashMap<u32, Member, FixedState>;

#[derive(Debug, Clone, Copy)]
struct Member {
    clients: u16,
    counted: Counted,
}

/// Stretches of a member's seeding time that count already: seconds after `begin`, up to `end`. They do not touch, and
/// later ones follow earlier ones.
///
/// An announce makes all seconds between its client's last announce and now count, so that later stretches vanish in
/// the new one: a stack, and each announce takes constant time, however many clients there are.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    stretches: [Stretch; Self::MOST],
    number: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    begin: i32,
    end: i32,
}

/// When a client announced last, and how many seconds count since then.
type Since = (i32, u32);

impl Counted {
    /// Each needs a client that came or went between two announces of another. Of more, the first two become one, with
    /// the seconds between them: these do not count then.
    const MOST: usize = 4;

    /// Has the seconds after `begin` up to `end` count, and says how many of them did not until now.
    fn count(&mut self, begin: i32, end: i32) -> u32 {
        let new = (end - begin).max(0).unsigned_abs() - self.within(begin, end);
        self.push(Stretch { begin, end });
        new
    }

    /// Adds a stretch that begins wherever it will, and ends no earlier than all others.
    fn push(&mut self, mut stretch: Stretch) {
        while let Some(last) = self.last().filter(|last| last.end >= stretch.begin) {
            stretch = Stretch { begin: stretch.begin.min(last.begin), end: stretch.end.max(last.end) };
            self.number -= 1;
        }
        if self.is_full() {
            self.stretches[1].begin = self.stretches[0].begin;
            self.stretches.copy_within(1.., 0);
            self.number -= 1;
        }
        self.stretches[usize::from(self.number)] = stretch;
        self.number += 1;
    }

    /// Stretches that are the same to clients that announced then, in the order of time: only how many seconds count
    /// between their announces matters, so that each two announces have one stretch between them at most.
    fn of(clients: &[Since], end: i32) -> Self {
        let mut counted = Self::default();
        let next = clients.iter().skip(1).copied().chain([(end, 0)]);
        for ((_, since), (end, less)) in clients.iter().zip(next) {
            if let Some(seconds) = since.checked_sub(less).filter(|it| *it > 0) {
                counted.push(Stretch { begin: end.wrapping_sub_unsigned(seconds), end });
            }
        }
        counted
    }

    /// How many of the seconds after `begin` up to `end` count.
    fn within(&self, begin: i32, end: i32) -> u32 {
        let each = |it: &Stretch| (it.end.min(end) - it.begin.max(begin)).max(0).unsigned_abs();
        self.used().iter().map(each).sum()
    }

    fn last(&self) -> Option<Stretch> {
        self.used().last().copied()
    }

    fn used(&self) -> &[Stretch] {
        &self.stretches[..usize::from(self.number)]
    }

    fn is_full(&self) -> bool {
        usize::from(self.number) == Self::MOST
    }
}

/// The second of the tracker's clock that was `idle` seconds before `now`; below 0 for what a restart file brought.
fn second(now: u32, idle: u32) -> i32 {
    now.cast_signed().wrapping_sub_unsigned(idle)
}

impl SharedSeconds {
    /// Seconds since the last announce of a client, `idle` ago, that count because of another client of its member.
    pub(super) fn of(&self, member: u32, idle: u32, now: u32) -> u32 {
        let counted = self.0.as_ref().and_then(|map| map.get(&member)).map(|it| it.counted);
        counted.map_or(0, |it| it.within(second(now, idle), second(now, 0)))
    }

    /// To be called for each client that leaves.
    pub(super) fn remove(&mut self, member: u32) {
        let Some(map) = &mut self.0 else { return };
        let Some(entry) = map.get_mut(&member) else { return };
        entry.clients -= 1;
        if entry.clients == 0 {
            self.forget(member);
        }
    }

    fn forget(&mut self, member: u32) {
        if let Some(map) = &mut self.0 {
            map.remove(&member);
            if map.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl Swarm {
    /// A client of `member` is about to join.
    pub(super) fn share_with_others(&mut self, member: u32) {
        let clients = self.shared_seconds.0.as_ref().and_then(|map| map.get(&member)).map(|it| it.clients);
        let clients = clients.unwrap_or_else(|| short(self.buckets.locations_of(member).count()));
        if clients > 0 {
            let map = self.shared_seconds.0.get_or_insert_default();
            let new = Member { clients, counted: Counted::default() };
            map.entry(member).or_insert(new).clients += 1;
        }
    }

    /// A client of `member` is about to join that was here before a restart: `idle` seconds ago it announced, and since
    /// then `shared` seconds count because of others.
    pub(super) fn share_again(&mut self, member: u32, (idle, shared): (u32, u32), now: u32) {
        self.share_with_others(member);
        if shared == 0 && self.shared_seconds.0.as_ref().is_none_or(|map| !map.contains_key(&member)) {
            return;
        }
        let joins = (second(now, idle), shared);
        let map = self.shared_seconds.0.get_or_insert_default();
        let entry = map.entry(member).or_insert(Member { clients: 1, counted: Counted::default() });
        entry.counted = remade(&self.buckets, &entry.counted, member, Some(joins), now);
    }

    /// Takes from the account of the client at `location` the seconds that count already, and has the rest count. `idle` is
    /// how long ago its last announce was.
    pub(super) fn share_seconds(&mut self, location: Location, account: &mut Account, idle: u32, now: u32) {
        let Some(map) = &mut self.shared_seconds.0 else { return };
        let member = self.buckets.slot(location).member();
        let Some(entry) = map.get_mut(&member) else { return };
        if account.seeded > 0 {
            account.seeded = entry.counted.count(second(now, idle), second(now, 0)).min(account.seeded);
        }
        if entry.clients == 1 {
            // Nobody else is there, and what counts already is past.
            self.shared_seconds.forget(member);
        } else if entry.counted.is_full() {
            entry.counted = remade(&self.buckets, &entry.counted, member, None, now);
        }
    }
}

/// `counted` as it is to the clients of `member`, and to one that `joins`.
fn remade(buckets: &PeerBuckets, counted: &Counted, member: u32, joins: Option<Since>, now: u32) -> Counted {
    let mut clients = [(0, 0); MOST_PER_MEMBER as usize + 1];
    let end = second(now, 0);
    let there = buckets.locations_of(member).map(|location| {
        let seen = second(now, buckets.slot(location).idle(now));
        (seen, counted.within(seen, end))
    });
    let number = clients.iter_mut().zip(there.chain(joins)).map(|(to, from)| *to = from).count();
    let clients = &mut clients[..number];
    clients.sort_unstable();
    Counted::of(clients, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_count_once_in_whatever_order_clients_announce() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..1000 {
            let (mut counted, mut seen) = (Counted::default(), [0_i32; 4]);
            let mut seconds = [false; 400];
            let mut now = 0;
            while now < 380 {
                now += random.i32(0..20);
                let client = random.usize(..seen.len());
                let range = usize::try_from(seen[client]).unwrap()..usize::try_from(now).unwrap();
                let new = seconds[range.clone()].iter().filter(|it| !**it).count();
                seconds[range].fill(true);
                assert_eq!(counted.count(seen[client], now) as usize, new);
                seen[client] = now;
            }
        }
    }

    #[test]
    fn more_stretches_than_there_is_room_for_become_one() {
        let mut counted = Counted::default();
        for begin in [0, 10, 20, 30, 40] {
            assert_eq!(counted.count(begin, begin + 5), 5);
        }
        assert_eq!(counted.count(0, 50), 20, "the 5 seconds between the first two are lost");
        assert_eq!((counted.number, counted.count(0, 50)), (1, 0));
    }

    #[test]
    fn stretches_between_two_announces_become_one() {
        let mut counted = Counted::default();
        for begin in [0, 10, 20, 30] {
            counted.count(begin, begin + 5);
        }
        let clients = [-5, 12, 33].map(|seen| (seen, counted.within(seen, 40)));
        let remade = Counted::of(&clients, 40);
        assert_eq!(remade.number, 3);
        assert_eq!(clients.map(|(seen, _)| (seen, remade.within(seen, 40))), clients);
    }
}
