//! `fairywren dump`, `restore` and `psql`: run `pg_dump` and `psql` on the database of a running `up`.

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
const PSQL: [&str; 2] = ["--no-psqlrc", "--set=ON_ERROR_STOP=1"];

/// Options of `psql` that replace the database by a dump: by all of it or, after an error, by nothing.
///
/// The dump's own `drop` statements do not suffice: later versions have tables that refer to those of the dump.
const RESTORE: [&str; 6] = [
    "--quiet",
    "--single-transaction",
    "--output=/dev/null",
    "--command=set client_min_messages = warning",
    "--command=drop schema public cascade; create schema public",
    "--file=-",
];

/// Which program to run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tool {
    /// `pg_dump`, which writes the database to standard output as SQL.
    Dump,
    /// `psql`, which replaces the database by the dump that it reads from standard input.
    Restore,
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
    let data = data.map_or_else(|| default_folder("fairywren"), |data| Ok(data.to_owned()))?;
    let file = effective_configuration(&present_run(&data)?);
    if !file.is_file() {
        let data = data.display();
        return Err(Refusal(format!("nothing runs on {data}: start `fairywren up` there first")).into());
    }
    let login = Config::read(&file)?.migrate.postgresql;
    // The newest installed version: these programs support older servers, but not newer ones.
    let programs = Programs::find(None).await?;
    let mut command = Command::new(programs.client(match tool {
        Tool::Dump => "pg_dump",
        Tool::Restore | Tool::Psql => "psql",
    }));
    command
        .env("PGHOST", &login.host)
        .env("PGPORT", login.port.to_string())
        .env("PGDATABASE", &login.dbname)
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", login.password.reveal());
    match tool {
        Tool::Dump => command.args(DUMP),
        Tool::Restore => command.args(PSQL).args(RESTORE),
        Tool::Psql => command.args(PSQL),
    };
    Err(command.args(arguments).exec())
        .with_context(|| format!("cannot run {}", command.get_program().display()))
}
