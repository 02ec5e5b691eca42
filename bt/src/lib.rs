//! BitTorrent formats and the swarm, pure: no I/O, no clock, no random source, no log. Those are arguments.

pub mod announce;
pub mod announce_key;
pub mod bencode;
mod bytes;
pub mod compact;
pub mod create;
mod info_hash;
pub mod messages;
pub mod metainfo;
pub mod peer;
mod query;
pub mod restart;
pub mod route;
pub mod scrape;
mod sink;
pub mod swarm;
pub mod token;
pub mod udp_tracker;

pub use info_hash::{InfoHash, InfoHashV2};
pub use peer::{ClientPrefix, Peer, PeerId, PeerState, client_prefix};
