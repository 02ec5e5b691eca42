//! Operations of staff: roles, who is connected.

pub mod role;
pub mod swarm;
