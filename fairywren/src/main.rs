//! `fairywren`: a whole tracker from one command.

mod addresses;
mod configuration;
mod database;
mod folder;
mod program;
mod refusal;
mod up;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A private BitTorrent tracker: announce tracker, site and database from one command.
#[derive(Parser)]
#[command(name = "fairywren", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start everything and keep it running until Ctrl-C or SIGTERM.
    ///
    /// The first start makes the data folder with a database and a configuration, and prints a link to create the
    /// first account with. Later starts go on with the same data.
    ///
    /// Prints `site URL`, `tracker URL`, `first account URL` while there is no account, and `ready` on standard
    /// output; everything else is log on standard error, chosen with `RUST_LOG`.
    Up(Up),
}

/// What `fairywren up` takes.
#[derive(Args)]
struct Up {
    /// Data folder [default: `$XDG_DATA_HOME/fairywren`, else `~/.local/share/fairywren`, for root
    /// `/var/lib/fairywren`].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration to use instead of DIR/fairywren.conf.json; example.conf.json shows the keys. Where it has no
    /// `postgresql` keys, the database of the data folder is used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the site listens, instead of the configuration's webapi.listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    site: Option<SocketAddr>,
    /// Where announces arrive, instead of the configuration's tracker.listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    tracker: Option<SocketAddr>,
}

/// One thread: the system takes the end of the thread that started a child for the end of the parent.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Task::Up(options) = Arguments::parse().task;
    infra::log::start();
    match up::up(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fairywren: {error:#}");
            if refusal::is_refusal(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
