//! `tracker CONFIG`: answers announces and scrapes.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use infra::config::Config;
use tracker::Addresses;

/// Answers the announces and scrapes of BitTorrent clients, for members and torrents in the database.
///
/// Once it listens, it prints on stdout `udp ADDR:PORT` for each address of announces over UDP, `metrics ADDR:PORT` for
/// each where Prometheus reads, then `listening ADDR:PORT` for each of announces over HTTP and, after those, HTTPS.
/// Everything else is log on stderr, chosen with `RUST_LOG`. At SIGINT or SIGTERM it ends what is under way, within 4
/// s, then leaves swarms and reports to the next start in `restartFile`, which takes a few seconds for millions of
/// peers; give it 30 s before you kill it. SIGUSR1 has a copy of them written at once.
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
    // Swarms grow and shrink in small steps. In the allocator's heap that would leave holes; larger blocks are returned
    // to the system.
    infra::memory::give_back_blocks(32 << 10, None);
    match tracker::run(config, announce_ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the addresses. Errors are ignored: the tracker also runs where nobody reads its output.
fn announce_ready(addresses: &Addresses) {
    let mut out = std::io::stdout().lock();
    for address in &addresses.udp {
        let _ = writeln!(out, "udp {address}");
    }
    for address in &addresses.metrics {
        let _ = writeln!(out, "metrics {address}");
    }
    // Last: a program that starts the tracker waits for these lines.
    for address in &addresses.http {
        let _ = writeln!(out, "listening {address}");
    }
    let _ = out.flush();
}
