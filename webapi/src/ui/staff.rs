//! Pages for staff: members and connected peers. (Every member may see the list of members.)

pub mod members;
pub mod swarm;
