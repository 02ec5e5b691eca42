//! `fairywren reset-password`: prints a link that sets a member's password, whether `up` runs or not.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use infra::folder::default_folder;
use infra::refusal::Refusal;
use infra::shutdown::Shutdown;

use crate::configuration::Settings;
use crate::folder::{Folder, effective_configuration, present_run};
use crate::up::sibling;
use crate::{ResetPassword, Up, database};

/// Longest wait for the database to stop: longer than the time after which the server is killed.
const DATABASE_STOP_TIMEOUT: Duration = Duration::from_secs(40);

/// Runs `webapi reset-password` on the running site, or starts its database for it.
///
/// # Errors
/// When there is no site in the data folder, or no account of that name.
pub(crate) async fn reset_password(options: &ResetPassword) -> anyhow::Result<()> {
    let data = options.data.clone().map_or_else(|| default_folder("fairywren"), Ok)?;
    let webapi = sibling("webapi")?;
    if Folder::is_in_use(&data) {
        let config = effective_configuration(&present_run(&data)?);
        if !config.is_file() {
            let data = data.display();
            return Err(
                Refusal(format!("`fairywren up` is starting on {data}: try again in a moment")).into()
            );
        }
        return Err(command(&webapi, &config, options).exec()).context("cannot run `webapi reset-password`");
    }
    if !data.join("fairywren.conf.json").is_file() && options.config.is_none() {
        let data = data.display();
        return Err(Refusal(format!("there is no site in {data}: name its data folder with --data")).into());
    }
    let stop = Shutdown::default();
    let mut signalled = pin!(stop.signalled());
    let folder = Folder::open(&data).await?;
    let server = Shutdown::default();
    let outcome = tokio::select! {
        signalled = &mut signalled => signalled.map_err(Into::into),
        done = with_database(&webapi, options, &folder, &server) => done,
    };
    server.finish(DATABASE_STOP_TIMEOUT).await;
    folder.clean()?;
    outcome
}

async fn with_database(
    webapi: &Path,
    options: &ResetPassword,
    folder: &Folder,
    server: &Shutdown,
) -> anyhow::Result<()> {
    let up = Up { data: options.data.clone(), config: options.config.clone(), site: None, tracker: None };
    let settings = Settings::prepare(folder, &up)?;
    database::open(&settings, folder, server).await?;
    database::migrate(&settings).await?;
    let mut command =
        tokio::process::Command::from(command(webapi, &folder.effective_configuration(), options));
    let status = command.status().await.context("cannot run `webapi reset-password`")?;
    match status.code() {
        Some(0) => Ok(()),
        // The program has printed the reason.
        Some(2) => Err(Refusal("nothing was changed".to_owned()).into()),
        _ => bail!("`webapi reset-password` failed ({status})"),
    }
}

fn command(webapi: &Path, config: &Path, options: &ResetPassword) -> Command {
    let mut command = Command::new(webapi);
    command.arg("reset-password").arg(config).arg(&options.name);
    if options.password {
        command.arg("--password");
    }
    command
}
