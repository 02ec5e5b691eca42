//! Child processes that end with their parent, and that run as another user if the parent is root.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use rustix::fs::OFlags;
use tokio::process::Command;

/// The signal that a child receives when its parent dies.
#[derive(Debug, Clone, Copy)]
pub enum AtParentsEnd {
    /// SIGTERM.
    Terminate,
    /// SIGINT, at which Postgres stops without waiting for its clients.
    Interrupt,
}

/// An unprivileged user as which root starts programs.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user's name, or its number if it has none.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whether its programs may listen on ports below 1024, the only privilege of root that they can keep.
    pub low_ports: bool,
}

/// A folder that an [`Account`] cannot enter: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

impl Account {
    /// The user that shall own `data` (the folder of a server, which may not exist yet) and run the programs that root
    /// must not run. `None` for an ordinary user; for root the folder's owner, else the first existing one of
    /// `fairywren`, `postgres` and `nobody`.
    pub async fn unprivileged(data: &Path) -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        if let Ok(folder) = fs::metadata(data)
            && folder.uid() != 0
        {
            let (uid, gid) = (folder.uid(), folder.gid());
            return Ok(Some(Self { name: uid.to_string(), uid, gid, low_ports: false }));
        }
        let known = Command::new("getent")
            .args(["passwd", "fairywren", "postgres", "nobody"])
            .output()
            .await
            .context("cannot run `getent`")?;
        let known = String::from_utf8_lossy(&known.stdout);
        let Some(account) = known.lines().find_map(Self::parse) else {
            bail!(
                "this system has none of the users `fairywren`, `postgres` and `nobody`, and nothing that listens shall \
                 run as root: `useradd --system fairywren`"
            );
        };
        Ok(Some(account))
    }

    /// Parses a line of passwd(5).
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let mut numbers = fields.skip(1).map(str::parse);
        let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (uid != 0).then_some(Self { name, uid, gid, low_ports: false })
    }

    /// Gives an open file or folder to this user. It takes no path, which may lead to another file by now.
    ///
    /// # Errors
    /// That of fchown(2).
    pub fn own(&self, file: &File) -> io::Result<()> {
        fchown(file, Some(self.uid), Some(self.gid))
    }

    /// Whether this user has a `permission` for `path`, as test(1) calls it: `-r`, `-w` or `-x`.
    ///
    /// # Errors
    /// When `setpriv` cannot be run.
    pub async fn may(&self, permission: &str, path: &Path) -> anyhow::Result<bool> {
        let mut test = command("test", Some(self), AtParentsEnd::Terminate);
        let status = test.arg(permission).arg(path).status().await;
        Ok(status.context("cannot run `setpriv` (Debian package util-linux)")?.success())
    }

    /// Refuses a `folder` that this user cannot enter.
    pub async fn check_reach(&self, folder: &Path) -> anyhow::Result<()> {
        let ancestors: Vec<_> = folder.ancestors().filter(|it| !it.as_os_str().is_empty()).collect();
        for ancestor in ancestors.into_iter().rev() {
            if !self.may("-x", ancestor).await? {
                return Err(Unreachable(format!(
                    "PostgreSQL, tracker and site run as user {}, who cannot enter {}: choose another folder with \
                     --data, or allow it with `chmod a+x {}`",
                    self.name,
                    ancestor.display(),
                    ancestor.display()
                ))
                .into());
            }
        }
        Ok(())
    }
}

/// Opens the folder at `path` without following a symbolic link.
///
/// # Errors
/// That of open(2); also for a symbolic link.
pub fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Creates a file that only its owner can read; the owner is `account`, or the present user.
///
/// # Errors
/// That of open(2); also for an existing file or link.
pub fn create_private(path: &Path, account: Option<&Account>) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some(account) = account {
        account.own(&file)?;
    }
    Ok(file)
}

/// A command that runs `program` as `account`, without privileges of root, in a process group of its own, so that
/// Ctrl-C reaches only the parent.
///
/// To be started from a thread that lives as long as the process: the system sends `at_end` when that thread ends
/// (`PR_SET_PDEATHSIG`).
pub fn command(program: impl AsRef<OsStr>, account: Option<&Account>, at_end: AtParentsEnd) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg(match at_end {
        AtParentsEnd::Terminate => "TERM",
        AtParentsEnd::Interrupt => "INT",
    });
    if let Some(Account { uid, gid, low_ports, .. }) = account {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
        command.args(["--clear-groups", "--no-new-privs"]);
        let capabilities = if *low_ports { "-all,+net_bind_service" } else { "-all" };
        for set in ["bounding-set", "inh-caps", "ambient-caps"] {
            command.arg(format!("--{set}={capabilities}"));
        }
    }
    command.arg("--").arg(program).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_is_an_account_unless_it_is_root() {
        let account = Account::parse("postgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash").expect("parses");
        assert_eq!((account.name.as_str(), account.uid, account.gid), ("postgres", 101, 104));
        assert!(Account::parse("root:x:0:0:root:/root:/bin/bash").is_none());
        assert!(Account::parse("broken").is_none());
    }
}
