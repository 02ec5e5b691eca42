//! What the processes share around their real work: configuration, database, sockets, logs, shutdown.

pub mod client_address;
pub mod config;
pub mod db;
pub mod folder;
pub mod http;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod migrations;
pub mod mq;
pub mod postgres;
pub mod process;
pub mod refusal;
pub mod secrets;
pub mod shutdown;
pub mod test_database;
pub mod units;
