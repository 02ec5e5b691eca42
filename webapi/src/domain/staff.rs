//! Rules for staff: roles, disabled members, connected peers.

pub mod role;
pub mod swarm;
