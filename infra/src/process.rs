//! Child processes that end with their parent, as another user where root must not run them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use rustix::fs::OFlags;
use tokio::process::Command;

/// The signal that a child gets when its parent dies.
#[derive(Debug, Clone, Copy)]
pub enum AtParentsEnd {
    /// SIGTERM.
    Terminate,
    /// SIGINT; for Postgres a stop that does not wait for its clients.
    Interrupt,
}

/// A user without rights that root starts programs as.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name in messages, or the number where the user has none.
    pub name: String,
    /// The number of the user.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Whether its programs may listen on ports below 1024, the only right of root's that they can keep.
    pub low_ports: bool,
}

/// A folder that an [`Account`] cannot enter: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

impl Account {
    /// Who shall own `data`, the folder of a server that need not exist, and run what root must not: nobody else for an
    /// ordinary user, for root the folder's owner, else `fairywren`, else `postgres`, else `nobody`.
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

    /// A line of passwd(5).
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let mut numbers = fields.skip(1).map(str::parse);
        let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (uid != 0).then_some(Self { name, uid, gid, low_ports: false })
    }

    /// Gives an open file or folder to this user: what its path leads to may be another one by now.
    ///
    /// # Errors
    /// The system's.
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

/// Opens the folder at `path`, but not one that a link there leads to.
///
/// # Errors
/// The system's; a link is one.
pub fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Makes a file that its owner alone can read, for `account` if not for the present user.
///
/// # Errors
/// The system's; that there is a file or link already is one.
pub fn create_private(path: &Path, account: Option<&Account>) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some(account) = account {
        account.own(&file)?;
    }
    Ok(file)
}

/// `program`, to be run by `account` without any right of root's, in a process group of its own so that Ctrl-C reaches the parent alone.
///
/// Start it from a thread that lives as long as the process: the system takes that thread's end for the parent's.
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
