//! `fairywren`: a whole tracker from one command.

mod access;
mod addresses;
mod client;
mod configuration;
mod database;
mod folder;
mod program;
mod reset;
mod restore;
mod up;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::client::{Tool, become_tool};

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
    /// Write the database of a running `up` to standard output, as SQL that `fairywren restore` reads.
    ///
    /// Together with DIR/fairywren.conf.json, which contains the salt, and DIR/postgres.json it is a complete backup.
    Dump(Client),
    /// Replace the database of a running `up` by a dump that is read from standard input; restart `up` afterwards.
    ///
    /// The dump may be of an earlier version. Everything that was in the database is lost; after an error it is as it
    /// was before.
    Restore(Restore),
    /// Run PostgreSQL's `psql` as the owner of the database of a running `up`.
    Psql(Client),
    /// Print a link that sets a member's password, once, within 24 hours.
    ///
    /// Works whether `up` runs or not; the link can be used while it runs. Its use ends all of the member's sessions,
    /// and the next sign-in tells them of it.
    ResetPassword(ResetPassword),
}

/// What `fairywren reset-password` takes.
#[derive(Args)]
struct ResetPassword {
    /// Name of the account; upper and lower case are the same.
    #[arg(value_name = "NAME")]
    name: String,
    /// Data folder of the site [default: as for `up`].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration that `up` is started with, if it is not DIR/fairywren.conf.json. Needed only while it does not
    /// run.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set the password instead: ask for it on a terminal, else read a line from standard input.
    #[arg(long)]
    password: bool,
}

/// What `fairywren restore` takes.
#[derive(Args)]
struct Restore {
    /// Data folder of the running `up` [default: as for `up`].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What `fairywren dump` and `fairywren psql` take.
#[derive(Args)]
struct Client {
    /// Data folder of the running `up` [default: as for `up`].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Options of `pg_dump` or `psql`.
    #[arg(last = true)]
    arguments: Vec<OsString>,
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

/// Runs on one thread: the system signals children when the thread that started them ends (`PR_SET_PDEATHSIG`).
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let task = Arguments::parse().task;
    infra::log::start();
    let done = match task {
        Task::Up(options) => up::up(&options).await,
        Task::Dump(Client { data, arguments }) => become_tool(Tool::Dump, data.as_deref(), &arguments).await,
        Task::Restore(Restore { data }) => restore::restore(data.as_deref()).await,
        Task::ResetPassword(options) => reset::reset_password(&options).await,
        Task::Psql(Client { data, arguments }) => become_tool(Tool::Psql, data.as_deref(), &arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fairywren: {error:#}");
            if infra::refusal::is_refusal(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
