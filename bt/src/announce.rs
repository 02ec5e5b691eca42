//! Announces, written and read: the query of a request and the bencoded answer (BEP 3, 7, 21, 23, 24, 31, 52).

mod reply;
mod request;
mod response;

pub use reply::{DecodeError, Peers, Reply, decode};
pub use request::{Error, Event, NumWant, Request};
pub use response::{Failure, PeerList, Response, Retry};
