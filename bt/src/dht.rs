//! The distributed hash table that clients find peers in without a tracker (BEP 5), as a crawler sees it.
//!
//! - [`message`]: the datagrams of nodes, KRPC, read and written (BEP 5, 32, 33, 42, 43, 51).

pub mod message;
