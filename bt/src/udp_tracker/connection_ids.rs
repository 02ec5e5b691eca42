//! Connection ids, which prove that a client receives at its address, without a table of clients.

use crate::timed_ids::TimedIds;

/// Makes and checks connection ids, in time slots of 30 seconds.
///
/// Clients use an id for a minute after they received it, and trackers must accept it for two minutes after they sent
/// it (BEP 15). It is accepted for 120 to 150 seconds. It is bound to the IP address, at which the client has shown
/// that it receives. It is not bound to the port, which some NATs change between two datagrams: a client at the address
/// could have got an id with any port anyway.
pub type ConnectionIds = TimedIds<30, 4>;
