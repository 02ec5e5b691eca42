//! The distributed hash table (BEP 5): building blocks of a node and a crawler.
//!
//! - [`node_id`]: ids, the distance between them, and ids that belong to an address (BEP 42).
//! - [`address`]: the endpoints that are spoken to; [`external_address`]: our own address, as others see it.
//! - [`write_tokens`]: tokens that an announce must repeat; [`scrape_filter`]: counts of peers (BEP 33).
//! - [`routing`]: the nodes that a node knows.
//! - [`message`]: the datagrams of nodes, KRPC (BEP 5, 32, 33, 42, 43, 51).

pub mod address;
pub mod external_address;
pub mod message;
pub mod node_id;
pub mod routing;
pub mod scrape_filter;
pub mod write_tokens;
