//! The part of the configuration that announces need.

use std::net::IpAddr;
use std::time::Duration;

use bt::announce::{NumWant, Request};
use bt::swarm::{Announcement, IdentityKey, MemberRate, Rules};
use infra::config::Config;
use infra::secrets::Keys;
use ipnet::IpNet;

use crate::limits::{Clients, RateLimit};

/// The values as plain numbers, so that an announce converts nothing.
pub(crate) struct Settings {
    /// The secret with which announce keys are checked.
    pub(crate) key: [u8; 32],
    /// The secret with which peer ids are shortened to identities.
    pub(crate) identity: IdentityKey,
    pub(crate) rules: Rules,
    /// What a member can move, with all peers together.
    pub(crate) member_rate: MemberRate,
    /// How often a member may announce or scrape.
    pub(crate) rate_limit: RateLimit,
    /// Which clients may announce.
    pub(crate) clients: Clients,
    /// Path segments of the tracker's URL, which requests have before their route.
    pub(crate) path_depth: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted: Vec<IpNet>,
    pub(crate) numwant: NumWant,
    /// Seconds between announces of a peer. Answers add up to a tenth at random.
    pub(crate) interval: u32,
    /// Seconds that must be between announces of a peer.
    pub(crate) min_interval: u32,
    /// Seconds of silence after which a peer is dropped.
    pub(crate) peer_timeout: u32,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        let keys = Keys::derive(&config.salt);
        Self {
            key: keys.announce,
            identity: IdentityKey::new(&keys.peer),
            rules: Rules {
                peers_per_member: config.tracker.peers_per_member,
                bytes_per_second: config.tracker.max_bytes_per_second,
            },
            member_rate: MemberRate {
                bytes_per_second: config.tracker.max_member_bytes_per_second,
                window: seconds(config.tracker.peer_timeout),
            },
            rate_limit: RateLimit::new(config.tracker.announces_per_minute, config.tracker.announce_burst),
            clients: Clients::new(&config.tracker.clients_allowed, &config.tracker.clients_denied),
            path_depth: config.path_depth,
            trusted: config.trusted_proxies.clone(),
            numwant: NumWant {
                default: clamp(config.tracker.numwant),
                cap: clamp(config.tracker.max_numwant),
            },
            interval: seconds(config.tracker.interval),
            min_interval: seconds(config.tracker.min_interval),
            peer_timeout: seconds(config.tracker.peer_timeout),
        }
    }

    /// The announcement to the swarm for a request that `member` made from `ip`.
    pub(crate) fn announcement(&self, request: &Request, member: u32, ip: IpAddr) -> Announcement {
        request.announcement(member, &self.identity, ip, self.numwant)
    }
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
