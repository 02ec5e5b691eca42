//! BitTorrent's formats, and the swarm. The crate is pure: it has no I/O, no clock, no random source and no log; time
//! and random numbers are arguments.
//!
//! - Files: [`bencode`], [`metainfo`] (reading .torrent files) and [`create`] (making them).
//! - Requests and answers: [`route`], [`announce`], [`scrape`], [`udp_tracker`]; keys: [`announce_key`], [`token`].
//! - [`dht`]: how clients find each other without a tracker.
//! - [`swarm`]: the peers of one torrent, what each has moved, and whom it is told of.
//! - [`messages`] between tracker and webapi, and the [`restart`] file of the tracker.

pub mod announce;
pub mod announce_key;
pub mod bencode;
mod bytes;
pub mod compact;
pub mod create;
pub mod dht;
mod info_hash;
pub mod messages;
pub mod metainfo;
pub mod peer;
mod query;
pub mod restart;
pub mod route;
pub mod scrape;
pub mod swarm;
pub mod token;
pub mod udp_tracker;

pub use info_hash::{InfoHash, InfoHashV2};
pub use peer::{ClientPrefix, Peer, PeerId, PeerState, client_prefix};
