//! `adduser CONFIG [--role NAME]…`: adds an account from the command line.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use infra::config::Config;
use infra::secrets::Secret;
use infra::shutdown::Shutdown;
use webapi::app::App;
use webapi::auth::account;
use webapi::domain::member::{ADMINISTRATOR, INVITER};
use webapi::error::Error;

/// Adds an account. Asks for name and password on a terminal, reads two lines otherwise.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; example.conf.json shows its keys
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// A role of the account; repeat the option for several
    #[arg(long = "role", value_name = "NAME", default_values_t = [ADMINISTRATOR.to_owned(), INVITER.to_owned()])]
    roles: Vec<String>,
}

/// Why no account was added.
enum Failure {
    Input(String),
    Other(anyhow::Error),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    infra::log::start();
    match add(&arguments) {
        Ok(name) => {
            println!("added {name} ({})", arguments.roles.join(", "));
            ExitCode::SUCCESS
        }
        Err(Failure::Input(problem)) => {
            eprintln!("adduser: {problem}");
            ExitCode::from(2)
        }
        Err(Failure::Other(error)) => {
            eprintln!("adduser: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn add(arguments: &Arguments) -> Result<String, Failure> {
    let config = Config::read(&arguments.config).map_err(|error| Failure::Input(error.to_string()))?;
    let (name, password) = if std::io::stdin().is_terminal() { prompt() } else { read_lines() }
        .map_err(|error| Failure::Input(format!("{error:#}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let added = runtime.map_err(|error| Failure::Other(error.into()))?.block_on(async {
        let app = App::new(config, Shutdown::default()).map_err(Error::from)?;
        account::add(&app, &name, password, &arguments.roles).await
    });
    match added {
        Ok(_) => Ok(name),
        Err(Error::Invalid(fields)) => {
            Err(Failure::Input(fields.into_values().collect::<Vec<_>>().join("; ")))
        }
        Err(Error::Internal(cause)) => Err(Failure::Other(cause)),
        Err(other) => Err(Failure::Other(other.into())),
    }
}

fn prompt() -> anyhow::Result<(String, Secret)> {
    let mut out = std::io::stderr().lock();
    write!(out, "Name: ")?;
    out.flush()?;
    let mut name = String::new();
    std::io::stdin().read_line(&mut name)?;
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Password again: ")? != password {
        bail!("the two passwords differ; nothing was added");
    }
    Ok((name.trim().to_owned(), password.into()))
}

fn read_lines() -> anyhow::Result<(String, Secret)> {
    let mut lines = std::io::stdin().lock().lines();
    let mut line =
        |what| lines.next().transpose()?.with_context(|| format!("expected {what} on standard input"));
    let name = line("the name on the first line")?;
    let password = line("the password on the second line")?;
    Ok((name.trim().to_owned(), password.into()))
}
