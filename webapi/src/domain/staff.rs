//! What staff do: roles, who is connected.

pub mod role;
pub mod swarm;
