//! Pages of staff: members, who is connected.

pub mod members;
pub mod swarm;
