//! Clients of one member that seed the same torrent: each second counts once.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Swarm;
use super::account::Account;
use super::districts::Location;

/// For each client of a member who has several here: how many of the seconds since its last announce the others have
/// seeded, and been accounted for. A client that is not listed is the only one of its member, or has been for long.
///
/// Most swarms have no such member, and take 8 bytes for it. Only a client that joins makes an entry, so that an
/// announce of a known peer allocates nothing.
#[derive(Debug, Default)]
pub(super) struct SharedSeconds(Option<Box<Map>>);

/// By member and identity.
type Map = HashMap<(u32, u32), u32, FixedState>;

impl SharedSeconds {
    /// Seconds since the last announce of a client that others have been accounted for.
    pub(super) fn of(&self, member: u32, identity: u32) -> u32 {
        self.get(member, identity).unwrap_or(0)
    }

    /// To be called for each client that leaves.
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
    /// A client of `member` is about to join; of the seconds since its last announce, others have been accounted for
    /// `shared`.
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

    /// Takes from the account of the client at `place` the seconds that others of its member have been accounted for,
    /// and notes for these what is left. `idle` is what it was before this announce.
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
            // Whoever announced later than this client did has all the seconds since then in this account.
            let more = |seconds: u32| {
                if its_idle <= idle { its_idle } else { seconds.saturating_add(account.seeded).min(its_idle) }
            };
            self.shared_seconds.change(member, other.identity(), more);
        }
    }
}
