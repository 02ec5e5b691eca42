//! Runs a command with a throw-away PostgreSQL server, named in `FAIRYWREN_TEST_DATABASE`; see `infra::testing`.
//!
//! `cargo run -p infra --example with_postgres -- COMMAND…`; its exit status is the command's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail};
use infra::postgres::{Cluster, OWNER, PORT, Programs};
use infra::process::{Account, open_folder};
use infra::secrets::random_text;
use infra::shutdown::Shutdown;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// For many short-lived databases, none of which must survive anything.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=300",
    "log_min_messages=panic",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else { bail!("usage: with_postgres COMMAND…") };
    let mut command = Command::new(program);
    command.args(arguments);
    // Short, for a socket's path may have 107 bytes.
    let folder = tempfile::Builder::new().prefix("fairywren-test-").tempdir_in("/tmp")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    let status = with_server(folder.path(), command).await?;
    Ok(status.code().and_then(|it| u8::try_from(it).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn with_server(folder: &Path, mut command: Command) -> anyhow::Result<ExitStatus> {
    let data = folder.join("postgres");
    let cluster = Cluster {
        programs: Programs::find(None).await?,
        account: Account::unprivileged(&data).await?,
        data,
        sockets: folder.join("run"),
    };
    fs::create_dir(&cluster.sockets)?;
    if let Some(account) = &cluster.account {
        account.own(&open_folder(&cluster.sockets)?)?;
    }
    let password = random_text()?;
    cluster.create(&password).await?;
    let mut server = cluster.server(SETTINGS).spawn().context("cannot start the server")?;
    while !server.id().is_some_and(|pid| cluster.is_ready(pid)) {
        if let Some(status) = server.try_wait()? {
            bail!("the server ended at its start: {status}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let login = serde_json::json!({
        "host": cluster.sockets, "port": PORT, "dbname": "postgres", "user": OWNER, "password": password,
    });
    let mut child = command
        .env("FAIRYWREN_TEST_DATABASE", login.to_string())
        .spawn()
        .context("cannot start the command")?;
    let shutdown = Shutdown::default();
    let status = tokio::select! {
        status = child.wait() => status?,
        signalled = shutdown.signalled() => {
            signalled?;
            stop(&mut child, Signal::TERM).await?
        }
    };
    stop(&mut server, Signal::INT).await?;
    Ok(status)
}

async fn stop(child: &mut Child, signal: Signal) -> anyhow::Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)) {
        kill_process(pid, signal)?;
    }
    Ok(child.wait().await?)
}
