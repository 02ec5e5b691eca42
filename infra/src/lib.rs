//! Code that all processes share: configuration, database, sockets, logs, metrics, shutdown.
//!
//! Cargo features, none by default: `database` (PostgreSQL and migrations), `zeromq` (sockets between tracker and
//! webapi), `udp` (many datagrams with one system call) and `testing`.

pub mod client_address;
pub mod config;
#[cfg(feature = "database")]
pub mod db;
pub mod folder;
pub mod http;
pub mod log;
pub mod memory;
pub mod metrics;
#[cfg(feature = "database")]
pub mod migrations;
#[cfg(feature = "zeromq")]
pub mod mq;
#[cfg(feature = "database")]
pub mod postgres;
pub mod process;
pub mod refusal;
pub mod secrets;
pub mod shutdown;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "udp")]
pub mod udp;
pub mod units;
