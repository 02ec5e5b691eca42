//! `fairywren up`: starts all processes, keeps them running, and stops them in order.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use infra::config::Shared;
use infra::folder::default_folder;
use infra::process::{Account, AtParentsEnd, command};
use infra::refusal::Refusal;
use infra::shutdown::Shutdown;
use rustix::process::Signal;

use crate::Up;
use crate::access::{Services, check_files, reachable};
use crate::configuration::Settings;
use crate::database;
use crate::folder::Folder;
use crate::program::{Program, Readiness};

/// Time for a service to stop before it is killed. The webapi gives requests 4 seconds; the tracker may have millions
/// of peers to write, on a slow disk.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for all children: longer than [`STOP_TIMEOUT`], after which each is killed.
const ALL_STOPPED_TIMEOUT: Duration = Duration::from_secs(40);

/// The children, in the order in which they are stopped.
#[derive(Default)]
struct Children {
    services: Shutdown,
    database: Shutdown,
}

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn up(options: &Up) -> anyhow::Result<()> {
    let stop = Shutdown::default();
    let mut signalled = pin!(stop.signalled());
    let path = options.data.clone().map_or_else(|| default_folder("fairywren"), Ok)?;
    let folder = tokio::select! {
        biased;
        signalled = &mut signalled => return Ok(signalled?),
        folder = Folder::open(&path) => folder?,
    };
    let children = Children::default();
    let outcome = tokio::select! {
        biased;
        signalled = &mut signalled => signalled.map_err(Into::into),
        started = start(options, &folder, &children) => match started {
            Ok(()) => signalled.await.map_err(Into::into),
            Err(error) => Err(error),
        },
    };
    tracing::info!("stopping");
    children.services.finish(ALL_STOPPED_TIMEOUT).await;
    children.database.finish(ALL_STOPPED_TIMEOUT).await;
    folder.clean()?;
    outcome
}

async fn start(options: &Up, folder: &Folder, children: &Children) -> anyhow::Result<()> {
    let programs = [sibling("tracker")?, sibling("webapi")?];
    let settings = Settings::prepare(folder, options)?;
    let account = database::open(&settings, folder, &children.database).await?;
    folder.hand_over(settings.restart_file(), account.as_ref())?;
    check_files(&settings.config, account.as_ref()).await?;
    let has_account = database::migrate(&settings).await?;
    let config = folder.effective_configuration();
    let [tracker, webapi] = programs;
    let tracker = reachable(tracker, folder, account.as_ref()).await?;
    let webapi = reachable(webapi, folder, account.as_ref()).await?;
    let services = Services::new(account.as_ref(), &settings.config);
    let listeners = settings.config.tracker.listen.len();
    let ((), (), link) = tokio::try_join!(
        service("tracker", tracker, services.tracker, &config, listeners).keep(&children.services),
        service("webapi", webapi.clone(), services.webapi, &config, 1).keep(&children.services),
        first_account(&webapi, account.as_ref(), &config, has_account),
    )?;
    let Shared { api_url, tracker_url, .. } = &settings.config.shared;
    let first_account = link.map(|link| format!("first account {link}\n")).unwrap_or_default();
    let lines = format!("site {api_url}\ntracker {tracker_url}\n{first_account}ready\n");
    let mut stdout = std::io::stdout().lock();
    // A closed standard output must not end the launcher.
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
    Ok(())
}

fn service(
    name: &'static str,
    program: PathBuf,
    account: Option<Account>,
    config: &Path,
    listeners: usize,
) -> Program {
    let config = config.to_owned();
    Program {
        name,
        command: Box::new(move || {
            let mut command = command(&program, account.as_ref(), AtParentsEnd::Terminate);
            command.arg(&config);
            command
        }),
        readiness: Readiness::Listening(listeners),
        stop_signal: Signal::TERM,
        stop_timeout: STOP_TIMEOUT,
    }
}

/// The link that creates the first account, if there is no account.
async fn first_account(
    webapi: &Path,
    account: Option<&Account>,
    config: &Path,
    has_account: bool,
) -> anyhow::Result<Option<String>> {
    if has_account {
        return Ok(None);
    }
    let output = command(webapi, account, AtParentsEnd::Terminate)
        .arg("first-account")
        .arg(config)
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("cannot run `webapi first-account`")?;
    if !output.status.success() {
        bail!("`webapi first-account` failed ({})", output.status);
    }
    let link = String::from_utf8(output.stdout)
        .context("cannot read the link that `webapi first-account` printed")?;
    Ok(link.lines().next().map(str::to_owned))
}

/// The path of the program `name` in the folder of this program.
pub(crate) fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell the path of this program")?;
    let program = own.with_file_name(name);
    if !program.is_file() {
        let program = program.display();
        return Err(Refusal(format!("{program} is missing: build it with `cargo build --release`")).into());
    }
    Ok(program)
}
