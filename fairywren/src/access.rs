//! Access of the children to files when they run as another user than the launcher: makes files reachable, or refuses
//! with a sentence that says what to do.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use infra::config::Config;
use infra::process::Account;
use infra::refusal::Refusal;

use crate::folder::{Folder, make_folder};

/// The accounts as which tracker and webapi run; `None` for the present user.
pub(crate) struct Services {
    pub(crate) tracker: Option<Account>,
    pub(crate) webapi: Option<Account>,
}

impl Services {
    /// Both run as `account`. Each may listen on ports below 1024 if the configuration names one.
    pub(crate) fn new(account: Option<&Account>, config: &Config) -> Self {
        let (tracker, webapi) = (&config.tracker, &config.webapi);
        let tracker = [&*tracker.listen, &tracker.tls_listen, &tracker.udp_listen, &tracker.metrics_listen];
        let webapi = [std::slice::from_ref(&webapi.listen), &webapi.metrics_listen];
        let of = |addresses: &[&[SocketAddr]]| {
            let low_ports = addresses.iter().copied().flatten().any(|it| (1..1024).contains(&it.port()));
            account.map(|account| Account { low_ports, ..account.clone() })
        };
        Self { tracker: of(&tracker), webapi: of(&webapi) }
    }
}

/// Refuses a configuration with files that `account` cannot read or write; creates the folders of files it writes.
pub(crate) async fn check_files(config: &Config, account: Option<&Account>) -> anyhow::Result<()> {
    let Some(account) = account else { return Ok(()) };
    let tracker = &config.tracker;
    let mut wanted = Vec::new();
    if !tracker.tls_listen.is_empty() {
        wanted.extend([("-r", "read", &*tracker.tls_certificate), ("-r", "read", &*tracker.tls_key)]);
    }
    let sockets = [&config.zeromq.counts, &config.zeromq.control].map(|it| it.strip_prefix("ipc://"));
    let files = sockets.into_iter().flatten().map(Path::new).chain([&*tracker.restart_file]);
    for parent in files.filter_map(Path::parent) {
        if !parent.exists() {
            make_folder(parent, 0o700, Some(account))
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        wanted.push(("-w", "write in", parent));
    }
    for (permission, verb, path) in wanted {
        // The tracker itself refuses a missing file by name.
        if path.exists() && !account.may(permission, path).await? {
            let (user, path) = (&account.name, path.display());
            return Err(Refusal(format!(
                "tracker and site run as user {user}, who cannot {verb} {path}: `chown {user} {path}`, or name another \
                 in the configuration"
            ))
            .into());
        }
    }
    Ok(())
}

/// A path where `account` can run `program`: a copy in the `run` folder if it cannot reach the original, as in root's
/// home directory.
pub(crate) async fn reachable(
    program: PathBuf,
    folder: &Folder,
    account: Option<&Account>,
) -> anyhow::Result<PathBuf> {
    let Some(account) = account else { return Ok(program) };
    if account.may("-x", &program).await? {
        return Ok(program);
    }
    let copy = folder.run().join(program.file_name().context("cannot tell the name of a program's file")?);
    let make = || {
        fs::copy(&program, &copy)?;
        fs::set_permissions(&copy, Permissions::from_mode(0o755))
    };
    make().with_context(|| format!("cannot copy {} to {}", program.display(), copy.display()))?;
    Ok(copy)
}
