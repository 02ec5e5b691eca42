//! Remote control of BitTorrent clients over their own interfaces: Transmission's RPC, qBittorrent's Web API and
//! rtorrent's XML-RPC.
//!
//! An [`Endpoint`] says where a program listens and who signs in there; [`Program::connect`] makes a [`Remote`] of it.
//! Each program has a type of its own, too, with requests that the others do not know.
//!
//! Every answer is bounded: 32 MiB, and 10 s from the request to its last byte. Each request has a connection of its own,
//! since a program that was killed leaves stale ones behind.

mod endpoint;
mod error;
mod http;
pub mod qbittorrent;
mod remote;
pub mod rtorrent;
mod scgi;
pub mod transmission;
pub mod xmlrpc;

pub use endpoint::{Endpoint, Password};
pub use error::Error;
pub use qbittorrent::Qbittorrent;
pub use remote::{Activity, Added, Addition, Program, Remote, Torrent};
pub use rtorrent::Rtorrent;
pub use transmission::Transmission;
