//! The node's own address as others see it: a vote among the nodes that wrote `ip` into their answers (BEP 42).

use std::collections::VecDeque;
use std::net::IpAddr;

use super::address::{AddressPolicy, Subnet};

/// Votes that count, of each family: the newest.
const WINDOW: usize = 32;

/// Votes without which nothing is decided.
const QUORUM: usize = 5;

/// What nodes say of our addresses, one for each family. It has at most 32 votes of a family.
///
/// A node has one vote, and so has a whole /24 or /64: its last one counts. An address is ours when more than half of
/// the votes, and 5 at least, are for it; until another one reaches that, it stays ours. Pass answers from separate
/// searches: the nodes of one search can be chosen by whoever answers first.
#[derive(Debug, Clone, Default)]
pub struct ExternalAddress {
    v4: Votes,
    v6: Votes,
}

#[derive(Debug, Clone, Default)]
struct Votes {
    /// The oldest first; each voter once.
    votes: VecDeque<Vote>,
    elected: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy)]
struct Vote {
    voter: Subnet,
    ip: IpAddr,
}

impl ExternalAddress {
    /// Counts that the node at `voter` says that we have the address `ip`. Returns our address of that family, if this
    /// vote changed it: then the node id must follow.
    ///
    /// Addresses that `policy` does not admit, and those of another family than the voter's, do not count.
    pub fn vote(&mut self, policy: &AddressPolicy, voter: IpAddr, ip: IpAddr) -> Option<IpAddr> {
        let (voter, ip) = (voter.to_canonical(), ip.to_canonical());
        if voter.is_ipv4() != ip.is_ipv4() || !policy.admits_ip(ip) {
            return None;
        }
        let family = if ip.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        family.add(Vote { voter: Subnet::of(voter), ip })
    }

    /// The IPv4 address under which other nodes see this one; `None` until enough of them agree.
    pub fn v4(&self) -> Option<IpAddr> {
        self.v4.elected
    }

    /// The IPv6 address under which other nodes see this one; `None` until enough of them agree.
    pub fn v6(&self) -> Option<IpAddr> {
        self.v6.elected
    }
}

impl Votes {
    fn add(&mut self, vote: Vote) -> Option<IpAddr> {
        self.votes.retain(|earlier| earlier.voter != vote.voter);
        if self.votes.len() == WINDOW {
            self.votes.pop_front();
        }
        self.votes.push_back(vote);
        // Only the address that has just gained a vote can have won.
        let agreeing = self.votes.iter().filter(|other| other.ip == vote.ip).count();
        let is_elected = agreeing >= QUORUM && 2 * agreeing > self.votes.len();
        if !is_elected || self.elected == Some(vote.ip) {
            return None;
        }
        self.elected = Some(vote.ip);
        self.elected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(1, 2, 3, 4));
    const LIE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(5, 6, 7, 8));

    fn voter(network: u8, host: u8) -> IpAddr {
        IpAddr::from([20, 0, network, host])
    }

    #[test]
    fn five_networks_that_agree_decide_once() {
        let mut address = ExternalAddress::default();
        let policy = AddressPolicy::default();
        for network in 0..4 {
            assert_eq!(address.vote(&policy, voter(network, 1), OURS), None);
            assert_eq!(address.v4(), None);
        }
        assert_eq!(address.vote(&policy, voter(4, 1), OURS), Some(OURS));
        assert_eq!(address.vote(&policy, voter(5, 1), OURS), None, "it is known already");
        assert_eq!((address.v4(), address.v6()), (Some(OURS), None));
    }

    #[test]
    fn a_network_has_one_vote() {
        let mut address = ExternalAddress::default();
        let policy = AddressPolicy::default();
        for host in 0..=255 {
            assert_eq!(address.vote(&policy, voter(1, host), LIE), None);
        }
        assert_eq!(address.v4.votes.len(), 1);
    }

    #[test]
    fn a_minority_changes_nothing_and_a_new_majority_does() {
        let mut address = ExternalAddress::default();
        let policy = AddressPolicy::default();
        for network in 0..20 {
            address.vote(&policy, voter(network, 1), OURS);
        }
        for network in 20..36 {
            assert_eq!(address.vote(&policy, voter(network, 1), LIE), None);
            assert!(address.v4.votes.len() <= WINDOW);
        }
        assert_eq!(address.v4(), Some(OURS));
        assert_eq!(address.vote(&policy, voter(36, 1), LIE), Some(LIE), "17 of the last 32");
    }

    #[test]
    fn addresses_that_cannot_be_ours_do_not_count() {
        let mut address = ExternalAddress::default();
        let policy = AddressPolicy::default();
        let v6: IpAddr = "2a00::1".parse().expect("an address");
        for network in 0..20 {
            for ip in [v6, [127, 0, 0, 1].into(), [192, 168, 1, 2].into(), [0, 0, 0, 0].into()] {
                assert_eq!(address.vote(&policy, voter(network, 1), ip), None);
            }
        }
        assert!(address.v4.votes.is_empty() && address.v6.votes.is_empty());
        for network in 0..5_u16 {
            address.vote(&policy, std::net::Ipv6Addr::new(0x2a00, 0, 0, network, 0, 0, 0, 1).into(), v6);
        }
        assert_eq!((address.v4(), address.v6()), (None, Some(v6)));
    }
}
