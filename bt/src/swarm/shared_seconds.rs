//! Seeding time of a member with several clients on one torrent: each second counts once.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Swarm;
use super::account::Account;
use super::districts::Location;

/// For each client of a member who has several in the swarm: for how many seconds since its last announce the member's
/// other clients were credited. A client without an entry is the only one of its member.
///
/// A swarm without such members, as most are, takes 8 bytes for it. Entries are made only when a client joins, so that
/// an announce of a known peer allocates nothing.
#[derive(Debug, Default)]
pub(super) struct SharedSeconds(Option<Box<Map>>);

/// By member and identity.
type Map = HashMap<(u32, u32), u32, FixedState>;

impl SharedSeconds {
    /// Seconds since the client's last announce for which others were credited.
    pub(super) fn of(&self, member: u32, identity: u32) -> u32 {
        self.get(member, identity).unwrap_or(0)
    }

    /// Drops a client that leaves the swarm.
    pub(super) fn remove(&mut self, member: u32, identity: u32) {
        if let Some(map) = &mut self.0 {
            map.remove(&(member, identity));
            if map.is_empty() {
                self.0 = None;
            }
        }
    }

    fn get(&self, member: u32, identity: u32) -> Option<u32> {
        self.0.as_ref()?.get(&(member, identity)).copied()
    }

    /// Makes an entry where there is none.
    fn add(&mut self, member: u32, identity: u32, seconds: u32) {
        self.0.get_or_insert_default().entry((member, identity)).or_insert(seconds);
    }

    /// Changes an entry, if there is one.
    fn change(&mut self, member: u32, identity: u32, change: impl FnOnce(u32) -> u32) {
        if let Some(seconds) = self.0.as_mut().and_then(|map| map.get_mut(&(member, identity))) {
            *seconds = change(*seconds);
        }
    }
}

impl Swarm {
    /// Adds a client of `member` that is about to join, if the member has others. `shared` is the number of seconds
    /// since its last announce for which others were credited.
    pub(super) fn share_with_others(&mut self, member: u32, identity: u32, shared: u32) {
        let mut alone = true;
        for location in self.districts.locations_of(member) {
            self.shared_seconds.add(member, self.districts.slot(location).identity(), 0);
            alone = false;
        }
        if !alone || shared > 0 {
            self.shared_seconds.add(member, identity, shared);
        }
    }

    /// Subtracts from the account of the client at `location` the seconds for which the member's other clients were
    /// credited, and notes the rest with these. `idle` is the client's silence before this announce.
    pub(super) fn share_seconds(&mut self, location: Location, account: &mut Account, idle: u32, now: u32) {
        let slot = self.districts.slot(location);
        let (member, identity) = (slot.member(), slot.identity());
        let Some(shared) = self.shared_seconds.get(member, identity) else { return };
        self.shared_seconds.change(member, identity, |_| 0);
        if account.seeded == 0 {
            return;
        }
        account.seeded = account.seeded.saturating_sub(shared);
        for other in self.districts.locations_of(member).filter(|other| *other != location) {
            let other = self.districts.slot(other);
            let its_idle = other.idle(now);
            // A client that announced after this one did before has all its seconds since then in this account.
            let more = |seconds: u32| {
                if its_idle <= idle { its_idle } else { seconds.saturating_add(account.seeded).min(its_idle) }
            };
            self.shared_seconds.change(member, other.identity(), more);
        }
    }
}
