//! `fairywren dump` and `fairywren psql`: run `pg_dump` and `psql` on the database of a running `up`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use infra::config::Config;
use infra::folder::default_folder;
use infra::postgres::Programs;
use infra::refusal::Refusal;

use crate::folder::{effective_configuration, present_run};

/// Options of `pg_dump`. Sessions and live counts are left out, since they are useless after a restore.
const DUMP: [&str; 5] = [
    "--clean",
    "--if-exists",
    "--no-owner",
    "--exclude-table-data=sessions",
    "--exclude-table-data=torrent_counts",
];

/// Options of `psql`: the user's own settings do not count, and an error ends it.
pub(crate) const PSQL: [&str; 2] = ["--no-psqlrc", "--set=ON_ERROR_STOP=1"];

/// Which program to run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tool {
    /// `pg_dump`, which writes the database to standard output as SQL.
    Dump,
    /// `psql`, which runs SQL.
    Psql,
}

/// Replaces this process by the program, with the user's `arguments` after our own.
///
/// # Errors
/// When no `up` runs on `data`, or the program is not installed.
pub(crate) async fn become_tool(
    tool: Tool,
    data: Option<&Path>,
    arguments: &[OsString],
) -> anyhow::Result<()> {
    let mut command = match tool {
        Tool::Dump => client("pg_dump", &DUMP, data).await?,
        Tool::Psql => client("psql", &PSQL, data).await?,
    };
    Err(command.args(arguments).exec())
        .with_context(|| format!("cannot run {}", command.get_program().display()))
}

/// The command that runs `program` on the database of the `up` that runs on `data`.
///
/// # Errors
/// When no `up` runs on `data`, or the program is not installed.
pub(crate) async fn client(program: &str, options: &[&str], data: Option<&Path>) -> anyhow::Result<Command> {
    let data = data.map_or_else(|| default_folder("fairywren"), |data| Ok(data.to_owned()))?;
    let file = effective_configuration(&present_run(&data)?);
    if !file.is_file() {
        let data = data.display();
        return Err(Refusal(format!("nothing runs on {data}: start `fairywren up` there first")).into());
    }
    let login = Config::read(&file)?.migrate.postgresql;
    // The newest installed version: these programs support older servers, but not newer ones.
    let programs = Programs::find(None).await?;
    let mut command = Command::new(programs.client(program));
    command
        .env("PGHOST", &login.host)
        .env("PGPORT", login.port.to_string())
        .env("PGDATABASE", &login.dbname)
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", login.password.reveal())
        .args(options);
    Ok(command)
}
