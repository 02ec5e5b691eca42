//! What the tracker and the webapi say to each other over ZeroMQ.
//!
//! - [`counts`]: seeders, leechers and snatches, which the tracker publishes as they change (PUB and SUB sockets).
//! - [`control`]: questions of the webapi and the tracker's answers (DEALER and ROUTER sockets).
//! - [`report`]: the accounting that travels in such answers, and the queue in which it waits.

pub mod control;
pub mod counts;
pub mod report;
