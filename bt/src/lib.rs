//! BitTorrent formats and the swarm, pure: no I/O, no clock, no random source, no log. Those are arguments.

pub mod announce_key;
pub mod bencode;
mod info_hash;
pub mod metainfo;
pub mod token;

pub use info_hash::{InfoHash, InfoHashV2};
