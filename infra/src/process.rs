//! Child processes that end with their parent, as another user where root must not run them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::process::Command;

/// What a child gets when its parent ends without a word.
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
    /// For messages: a name, or the number where there is none.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

/// A folder that an [`Account`] cannot enter: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

impl Account {
    /// Who shall own and run the server in `data`, a folder that need not exist: nobody else for an ordinary user, for
    /// root the folder's owner, else `postgres`, else `nobody`.
    pub async fn unprivileged(data: &Path) -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        if let Ok(folder) = fs::metadata(data)
            && folder.uid() != 0
        {
            let (uid, gid) = (folder.uid(), folder.gid());
            return Ok(Some(Self { name: uid.to_string(), uid, gid }));
        }
        let known = Command::new("getent")
            .args(["passwd", "postgres", "nobody"])
            .output()
            .await
            .context("cannot run `getent`")?;
        let known = String::from_utf8_lossy(&known.stdout);
        let Some(account) = known.lines().find_map(Self::parse) else {
            bail!(
                "this system has neither a user `postgres` nor `nobody`, and PostgreSQL refuses to run as root"
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
        (uid != 0).then_some(Self { name, uid, gid })
    }

    /// Gives `path` to this user.
    pub fn own(&self, path: &Path) -> anyhow::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} to user {}", path.display(), self.name))
    }

    /// Refuses a `folder` that this user cannot enter.
    pub async fn check_reach(&self, folder: &Path) -> anyhow::Result<()> {
        let ancestors: Vec<_> = folder.ancestors().filter(|it| !it.as_os_str().is_empty()).collect();
        for ancestor in ancestors.into_iter().rev() {
            let test = command("test", Some(self), AtParentsEnd::Terminate).arg("-x").arg(ancestor).status();
            if !test.await.context("cannot run `setpriv` (Debian package util-linux)")?.success() {
                return Err(Unreachable(format!(
                    "PostgreSQL runs as user {}, who cannot enter {}: choose another folder with --data, or allow it \
                     with `chmod a+x {}`",
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

/// `program`, to be run by `account`, in a process group of its own so that Ctrl-C reaches the parent alone.
///
/// Start it from a thread that lives as long as the process: the system takes that thread's end for the parent's.
pub fn command(program: impl AsRef<OsStr>, account: Option<&Account>, at_end: AtParentsEnd) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg(match at_end {
        AtParentsEnd::Terminate => "TERM",
        AtParentsEnd::Interrupt => "INT",
    });
    if let Some(Account { uid, gid, .. }) = account {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
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
