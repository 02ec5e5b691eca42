//! The embedded PostgreSQL server: finds its programs, creates its cluster, and runs it.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::config::Postgresql;
use crate::process::{Account, AtParentsEnd, command, create_private, open_folder};
use crate::secrets::Secret;

/// The oldest supported major version.
pub const OLDEST: u32 = 13;

/// Port number in the name of the unix socket; no TCP port is opened.
pub const PORT: u16 = 5432;

/// Name of the role that owns the database, and of the database.
pub const OWNER: &str = crate::config::OWNER.user;

/// Settings of every embedded server.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    // Not `posix`: its files in /dev/shm outlive a killed server and its namespace.
    "dynamic_shared_memory_type=sysv",
    "jit=off",
    "log_checkpoints=off",
    "log_line_prefix=postgres: ",
    // Statements and their rows may contain secrets: the server's own actions are logged, but no statements.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// The folder with `initdb` and `postgres`, and their version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    major: u32,
}

/// Why no [`Programs`] can be used: a sentence that says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProgramsError {
    /// PostgreSQL is not installed.
    #[error("PostgreSQL is not installed: run `apt-get install postgresql` as root, or `make run`")]
    Missing,
    /// Only versions that are too old are installed.
    #[error("PostgreSQL {0} is too old: install version {OLDEST} or newer")]
    TooOld(u32),
    /// The version that created the cluster is not installed.
    #[error(
        "the database was made by PostgreSQL {cluster}, but only version {found} is installed: install \
         postgresql-{cluster}, or move the data with `pg_dumpall` of version {cluster} and `psql` of version {found}"
    )]
    OtherMajor {
        /// The major version that created the data.
        cluster: u32,
        /// The newest major version that is installed.
        found: u32,
    },
}

impl Programs {
    /// The programs of major version `cluster`, which created existing data, or of the newest installed version.
    pub async fn find(cluster: Option<u32>) -> Result<Self, ProgramsError> {
        let mut installed = Self::of_debian(Path::new("/usr/lib/postgresql"));
        if let Some(folder) = on_path(std::env::var_os("PATH").as_deref()) {
            let version = Command::new(folder.join("postgres")).arg("--version").output().await;
            let major = version.ok().and_then(|it| major(&String::from_utf8_lossy(&it.stdout)));
            installed.extend(major.map(|major| Self { folder, major }));
        }
        Self::choose(installed, cluster)
    }

    /// The path of another program of PostgreSQL, such as `pg_dump`.
    pub fn client(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The programs in Debian's folders `root/VERSION/bin`.
    fn of_debian(root: &Path) -> Vec<Self> {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let programs = entries.filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            is_complete(&folder).then_some(Self { folder, major })
        });
        programs.collect()
    }

    fn choose(mut installed: Vec<Self>, cluster: Option<u32>) -> Result<Self, ProgramsError> {
        installed.sort_by_key(|it| std::cmp::Reverse(it.major));
        let found = installed.first().ok_or(ProgramsError::Missing)?.major;
        if found < OLDEST {
            return Err(ProgramsError::TooOld(found));
        }
        let wanted = cluster.unwrap_or(found);
        installed
            .into_iter()
            .find(|it| it.major == wanted)
            .ok_or(ProgramsError::OtherMajor { cluster: wanted, found })
    }
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

fn on_path(path: Option<&OsStr>) -> Option<PathBuf> {
    std::env::split_paths(path?).find(|folder| is_complete(folder))
}

/// The major version in `postgres (PostgreSQL) 15.14 (Debian …)`.
fn major(version: &str) -> Option<u32> {
    let digits = version.split_once("(PostgreSQL) ")?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The major version that created the cluster in `data`; `None` if there is no cluster.
pub fn cluster_major(data: &Path) -> anyhow::Result<Option<u32>> {
    let file = data.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => {
            let major =
                text.trim().parse().with_context(|| format!("{} holds no version", file.display()))?;
            Ok(Some(major))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// A cluster and how to run its server.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The programs to run.
    pub programs: Programs,
    /// The data folder.
    pub data: PathBuf,
    /// The folder of the server's socket.
    pub sockets: PathBuf,
    /// The account that runs it, if not the present user.
    pub account: Option<Account>,
}

impl Cluster {
    /// Creates the cluster with `password` for [`OWNER`]. A cluster whose creation was interrupted is replaced.
    pub async fn create(&self, password: &Secret) -> anyhow::Result<()> {
        let unfinished = self.data.with_extension("new");
        remove_folder(&unfinished)?;
        let make = || {
            fs::DirBuilder::new().mode(0o700).create(&unfinished)?;
            self.account.as_ref().map_or(Ok(()), |account| account.own(&open_folder(&unfinished)?))
        };
        make().with_context(|| format!("cannot make {}", unfinished.display()))?;
        let password_file = self.sockets.join("password");
        write_secret(&password_file, password, self.account.as_ref())?;
        let output = self
            .command("initdb")
            .args(["--username", OWNER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&unfinished)
            .current_dir("/")
            .output()
            .await
            .context("cannot run `initdb` through `setpriv` (Debian package util-linux)")?;
        fs::remove_file(&password_file)?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        fs::rename(&unfinished, &self.data)
            .with_context(|| format!("cannot rename {}", unfinished.display()))?;
        if let Some(parent) = self.data.parent() {
            fs::File::open(parent)?.sync_all()?;
        }
        Ok(())
    }

    /// The command that runs the server with additional `settings`, as `name=value`.
    pub fn server(&self, settings: &[&str]) -> Command {
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).current_dir("/");
        for setting in SETTINGS.iter().chain(settings) {
            command.arg("-c").arg(setting);
        }
        // After a crash the server syncs each file, which takes seconds on a busy disk, or all at once with `syncfs`.
        if self.programs.major >= 14 {
            command.arg("-c").arg("recovery_init_sync_method=syncfs");
        }
        // Quoted, because a comma separates folders.
        let sockets = self.sockets.display().to_string().replace('"', "\"\"");
        command.arg("-c").arg(format!("unix_socket_directories=\"{sockets}\""));
        command.arg("-c").arg(format!("port={PORT}"));
        command
    }

    fn command(&self, program: &str) -> Command {
        command(self.programs.folder.join(program), self.account.as_ref(), AtParentsEnd::Interrupt)
    }

    /// Whether the server that runs as process `pid` accepts connections.
    pub fn is_ready(&self, pid: u32) -> bool {
        let Ok(text) = fs::read_to_string(self.pid_file()) else { return false };
        let mut lines = text.lines();
        lines.next() == Some(&pid.to_string()) && lines.next_back().map(str::trim) == Some("ready")
    }

    /// Removes the pid file of a killed server: the system may have given its process id to another process, for which
    /// the new server would refuse to start.
    ///
    /// The caller must know that no process of that server lives. If a process with that id is named `postgres`, the
    /// file is left for the new server to check.
    pub fn forget_killed(&self) -> anyhow::Result<()> {
        let Ok(text) = fs::read_to_string(self.pid_file()) else { return Ok(()) };
        let pid = text.lines().next().unwrap_or_default();
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name.trim() != "postgres" {
            fs::remove_file(self.pid_file())
                .with_context(|| format!("cannot remove {}", self.pid_file().display()))?;
        }
        Ok(())
    }

    fn pid_file(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    /// The connection of `user` to `dbname`.
    pub fn login(&self, dbname: &str, user: &str, password: Secret) -> Postgresql {
        Postgresql {
            host: self.sockets.display().to_string(),
            port: PORT,
            dbname: dbname.to_owned(),
            user: user.to_owned(),
            password,
        }
    }
}

/// Removes `folder` with its content, if it exists.
pub fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Creates a private file with `secret`. The folder may belong to `account` already, so an existing file or link is
/// never written to.
fn write_secret(file: &Path, secret: &Secret, account: Option<&Account>) -> anyhow::Result<()> {
    let write = || create_private(file, account)?.write_all(secret.reveal().as_bytes());
    write().with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(major: u32) -> Programs {
        Programs { folder: PathBuf::from(format!("/{major}")), major }
    }

    #[test]
    fn the_newest_is_chosen_unless_the_data_is_of_another_version() {
        let installed = || vec![programs(13), programs(17), programs(15)];
        assert_eq!(Programs::choose(installed(), None), Ok(programs(17)));
        assert_eq!(Programs::choose(installed(), Some(15)), Ok(programs(15)));
        let refused = Programs::choose(installed(), Some(14)).expect_err("version 14 is not installed");
        assert_eq!(refused, ProgramsError::OtherMajor { cluster: 14, found: 17 });
    }

    #[test]
    fn missing_and_old_programs_are_refused_with_what_to_do() {
        let missing = Programs::choose(vec![], None).expect_err("nothing is installed");
        assert!(missing.to_string().contains("apt-get install postgresql"), "{missing}");
        assert_eq!(Programs::choose(vec![programs(12)], None), Err(ProgramsError::TooOld(12)));
    }

    #[test]
    fn only_folders_that_hold_both_programs_count() {
        let root = tempfile::tempdir().expect("a folder");
        for (version, programs) in [("15", vec!["initdb", "postgres"]), ("16", vec!["psql"])] {
            let folder = root.path().join(version).join("bin");
            fs::create_dir_all(&folder).expect("a folder");
            for program in programs {
                fs::write(folder.join(program), "").expect("a file");
            }
        }
        let found = Programs::of_debian(root.path());
        assert_eq!(found, [Programs { folder: root.path().join("15/bin"), major: 15 }]);
        assert_eq!(Programs::of_debian(&root.path().join("none")), []);
        let path =
            std::env::join_paths([root.path().join("16/bin"), root.path().join("15/bin")]).expect("a path");
        assert_eq!(on_path(Some(&path)), Some(root.path().join("15/bin")));
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("command not found"), None);
    }
}
