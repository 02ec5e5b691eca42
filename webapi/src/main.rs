//! `webapi CONFIG` serves the site and its API. `webapi migrate CONFIG` creates or upgrades the database. `webapi
//! reset-password CONFIG NAME` prints a link that sets a forgotten password.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use infra::config::Config;
use infra::refusal::Refusal;
use infra::secrets::Secret;
use infra::shutdown::Shutdown;
use tokio::net::TcpListener;
use webapi::app::App;
use webapi::domain::member::account;
use webapi::domain::member::invite;
use webapi::domain::member::password_reset;
use webapi::error::Error;
use webapi::{health, server};

/// Time for requests under way to finish after SIGINT or SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// The site and REST API of a private tracker.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    /// The configuration file; example.conf.json shows its keys
    #[arg(value_name = "CONFIG", required = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create or upgrade the tables, roles and permissions of the database
    Migrate {
        /// The configuration file; example.conf.json shows its keys
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
    },
    /// Print the link that creates the first account, if there is no account
    FirstAccount {
        /// The configuration file; example.conf.json shows its keys
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
    },
    /// Print a link that sets a member's password, once, within 24 hours
    ///
    /// Its use ends all of the member's sessions, and the next sign-in tells them of it. API tokens stay valid.
    ResetPassword {
        /// The configuration file; example.conf.json shows its keys
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
        /// Name of the account; upper and lower case are the same
        #[arg(value_name = "NAME")]
        name: String,
        /// Set the password instead: ask for it on a terminal, else read a line from standard input
        #[arg(long)]
        password: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    infra::log::start();
    // A password hash takes 19 MiB: after 20 sign-ins at the same time the allocator would keep 230 MB.
    infra::memory::give_back_blocks(1 << 20, Some(2));
    let named = match &arguments.command {
        Some(
            Command::Migrate { config }
            | Command::FirstAccount { config }
            | Command::ResetPassword { config, .. },
        ) => Some(config),
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
            if infra::refusal::is_refusal(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Runs a command, or the site. The runtime has few worker threads, since requests mostly wait for the database. Its
/// blocking threads are enough for the bounds of hashing, rendering and parsing together.
fn run(command: Option<&Command>, config: Config) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(12).enable_all().build()?;
    runtime.block_on(async {
        match command {
            None => serve(config).await,
            Some(Command::Migrate { .. }) => migrate(&config).await,
            Some(Command::FirstAccount { .. }) => first_account(config).await,
            Some(Command::ResetPassword { name, password, .. }) => {
                reset_password(config, name, *password).await
            }
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
    health::serve(&app, watched);
    say(&format!("listening {}", listener.local_addr()?))?;
    let serving = tokio::spawn(server::serve(app, listener));
    shutdown.signalled().await?;
    tracing::info!("stopping");
    serving.await?;
    if !shutdown.finish(STOP_TIMEOUT).await {
        tracing::warn!("stopped before some requests were answered");
    }
    Ok(())
}

/// Refuses a database with another schema version. A database that is away is no error: pages say so until it is back.
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
    let logins = config.logins();
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
    if let Some(open) = invite::first_account(&client, &app.invite_limits()).await? {
        say(&invite::url(&app.keys, app.site(), &open))?;
    }
    Ok(())
}

async fn reset_password(config: Config, name: &str, ask: bool) -> anyhow::Result<()> {
    let app = App::new(config, Shutdown::default())?;
    let password = ask.then(read_password).transpose();
    let password = password.map_err(|error| Refusal(format!("{error:#}")))?;
    match password {
        Some(password) => {
            set_password(&app, name, password).await.map_err(refused)?;
            say(&format!("the password of {name} is set; all their sessions have ended"))
        }
        None => say(create_reset_link(&app, name).await.map_err(refused)?.reveal()),
    }
}

async fn set_password(app: &App, name: &str, password: Secret) -> Result<(), Error> {
    let account = account::named(&app.connection().await?, name).await?;
    let password_hash = password_reset::hash(&app.passwords, &account.name, password).await?;
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    password_reset::set_as_operator(&transaction, account.id, &password_hash).await?;
    Ok(transaction.commit().await?)
}

async fn create_reset_link(app: &App, name: &str) -> Result<Secret, Error> {
    let mut client = app.connection().await?;
    let account = account::named(&client, name).await?;
    let transaction = client.transaction().await?;
    let reset = password_reset::create_as_operator(&transaction, account.id).await?;
    transaction.commit().await?;
    Ok(password_reset::url(&app.keys, app.site(), &reset))
}

/// Asks twice for the password on a terminal, else reads a line from standard input.
fn read_password() -> anyhow::Result<Secret> {
    if !std::io::stdin().is_terminal() {
        let line = std::io::stdin().lock().lines().next().transpose()?;
        return Ok(line.context("expected the new password on standard input")?.into());
    }
    let password = rpassword::prompt_password("New password: ")?;
    if rpassword::prompt_password("New password again: ")? != password {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password.into())
}

/// Errors that another input would avoid become a [`Refusal`], which ends with exit code 2.
fn refused(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => Refusal(fields.into_values().collect::<Vec<_>>().join("; ")).into(),
        Error::NotFound(_) => Refusal(error.to_string()).into(),
        Error::Internal(cause) => cause,
        other => other.into(),
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
