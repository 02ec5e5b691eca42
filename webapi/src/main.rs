//! `webapi CONFIG`: the site and API process. `webapi migrate CONFIG`: its database.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use infra::config::Config;
use infra::shutdown::Shutdown;
use tokio::net::TcpListener;
use webapi::app::App;
use webapi::domain::invite;
use webapi::{metrics, server};

/// Time for requests under way to be answered after a signal.
const PATIENCE: Duration = Duration::from_secs(4);

/// The site and REST API of a private tracker.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    /// The configuration, as example.conf.json shows it
    #[arg(value_name = "CONFIG", required = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create or upgrade the database's tables, roles and grants
    Migrate {
        /// The configuration, as example.conf.json shows it
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
    },
    /// Print the link that makes the first account, while there is none
    FirstAccount {
        /// The configuration, as example.conf.json shows it
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    infra::log::start();
    // A password hash takes 19 MiB: 20 people who sign in at once would leave 230 MB behind.
    infra::memory::give_back_blocks(1 << 20, Some(2));
    let named = match &arguments.command {
        Some(Command::Migrate { config } | Command::FirstAccount { config }) => Some(config),
        None => arguments.config.as_ref(),
    };
    let Some(file) = named else { return ExitCode::from(2) };
    let config = match Config::read(file) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("webapi: {error}");
            return ExitCode::from(2);
        }
    };
    match run(arguments.command.as_ref(), config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("webapi: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Few threads: requests wait for the database, and passwords are hashed beside them.
fn run(command: Option<&Command>, config: Config) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(8).enable_all().build()?;
    runtime.block_on(async {
        match command {
            None => serve(config).await,
            Some(Command::Migrate { .. }) => migrate(&config).await,
            Some(Command::FirstAccount { .. }) => first_account(config).await,
        }
    })
}

async fn serve(config: Config) -> anyhow::Result<()> {
    check_schema(&config).await?;
    let address = config.webapi.listen;
    let shutdown = Shutdown::default();
    let app = App::new(config, shutdown.clone())?;
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let watched = infra::metrics::bind(&app.config.webapi.metrics_listen).await?;
    for listener in &watched {
        say(&format!("metrics {}", listener.local_addr()?))?;
    }
    metrics::serve(&app, watched);
    say(&format!("listening {}", listener.local_addr()?))?;
    let serving = tokio::spawn(server::serve(app, listener));
    shutdown.signalled().await?;
    tracing::info!("stopping");
    serving.await?;
    if !shutdown.finish(PATIENCE).await {
        tracing::warn!("some requests were not answered in time");
    }
    Ok(())
}

/// Refuses a database of another version. One that is away is waited for: pages say so meanwhile.
async fn check_schema(config: &Config) -> anyhow::Result<()> {
    match infra::db::connect(&config.webapi.postgresql, "webapi").await {
        Ok(client) => infra::migrations::check(&client).await,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "starting without a database");
            Ok(())
        }
    }
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let mut client = infra::db::connect(&config.migrate.postgresql, "webapi migrate").await?;
    let logins = [&config.webapi.postgresql, &config.tracker.postgresql];
    let applied = infra::migrations::migrate(&mut client, &logins).await?;
    let newest = infra::migrations::newest();
    if applied.is_empty() {
        return say(&format!("the database has schema {newest} already"));
    }
    for migration in infra::migrations::MIGRATIONS.iter().filter(|it| applied.contains(&it.version)) {
        say(&format!("applied {:04}_{}", migration.version, migration.name))?;
    }
    say(&format!("the database has schema {newest} now"))
}

async fn first_account(config: Config) -> anyhow::Result<()> {
    let app = App::new(config, Shutdown::default())?;
    let client = app.connection().await.context("cannot connect to the database")?;
    if let Some(open) = invite::first_account(&app, &client).await? {
        say(&invite::url(&app, &open)?)?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
