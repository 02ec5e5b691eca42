//! Remote control of BitTorrent clients over their own interfaces: Transmission's RPC, qBittorrent's Web API and
//! rtorrent's XML-RPC.
//!
//! [`Program::connect`] makes a [`Remote`] of an [`Endpoint`]: the address of a program's interface with user name and
//! password. Each program also has a type of its own, with requests that only this program supports.
//!
//! Every answer is bounded to 32 MiB, and to 10 s from the request to its last byte. Each request uses a new
//! connection, since old ones are stale after a program was killed and started again.

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
