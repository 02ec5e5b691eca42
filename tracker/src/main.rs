//! `tracker CONFIG`: answers announces and scrapes.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use infra::config::Config;

/// Answers the announces and scrapes of BitTorrent clients, for members and torrents in the database.
///
/// Prints `listening ADDR:PORT` on stdout for each address once it does; everything else is log on stderr, chosen with
/// `RUST_LOG`. Stops at SIGINT or SIGTERM within 5 s.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; see example.conf.json
    config: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { config } = Arguments::parse();
    let config = match Config::read(&config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("tracker: {error}");
            return ExitCode::from(2);
        }
    };
    infra::log::start();
    match tracker::run(config, announce_ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Nobody may be reading: that is no reason to stop.
fn announce_ready(addresses: &[SocketAddr]) {
    let mut out = std::io::stdout().lock();
    for address in addresses {
        let _ = writeln!(out, "listening {address}");
    }
    let _ = out.flush();
}
