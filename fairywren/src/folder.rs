//! The data folder: its lock, its files, and the `run` folder, which exists as long as the processes run.

mod handover;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use infra::postgres::remove_folder;
use infra::process::{Account, open_folder};
use infra::refusal::Refusal;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::geteuid;
use tokio::time::{Instant, sleep};

/// Most bytes of a unix socket's path: `sun_path` has 108 with the final NUL (unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// Longest wait for the lock, which a killed launcher holds for a moment.
const LOCK_TIMEOUT: Duration = Duration::from_millis(300);

/// Longest wait for the processes of an earlier run. They stop within 5 seconds, except a tracker with many peers to
/// write.
const EARLIER_RUN_TIMEOUT: Duration = Duration::from_secs(40);

/// A data folder that is locked by this process.
pub(crate) struct Folder {
    path: PathBuf,
    run: PathBuf,
    /// Locked as long as this process lives.
    _lock: File,
    /// The folder itself, locked as well. Every child inherits it, so that it is unlocked when the last child has
    /// ended.
    _children: File,
}

impl Folder {
    /// Opens or creates `path`, locks it, and waits for processes that a killed launcher left running.
    pub(crate) async fn open(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path).context("cannot tell the path of the data folder")?;
        if path.to_str().is_none() {
            return Err(Refusal(format!("the data folder {} has no UTF-8 name", path.display())).into());
        }
        make(&path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.with_context(|| format!("cannot write in the data folder {}", path.display()))?;
        if !is_locked_within(&lock, LOCK_TIMEOUT)
            .await
            .with_context(|| format!("cannot lock {}", path.display()))?
        {
            return Err(Refusal(format!(
                "another `fairywren up` already runs on {}: stop it first, or choose another folder with --data",
                path.display()
            ))
            .into());
        }
        let children = wait_for_children(&path).await?;
        let run = run_folder(&path)?;
        Ok(Self { path, run, _lock: lock, _children: children })
    }

    /// Whether an `up` runs on `path`. One may start or stop at this moment.
    pub(crate) fn is_in_use(path: &Path) -> bool {
        let lock = File::open(path.join("lock"));
        lock.is_ok_and(|it| matches!(it.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Creates the `run` folder and its folders of sockets. The children run as `account`, if not as the present user.
    pub(crate) fn make_run(&self, account: Option<&Account>) -> anyhow::Result<()> {
        let make = || {
            make_folder(&self.run, passable(), None)?;
            for folder in [self.sockets(), self.run.join("zeromq")] {
                make_folder(&folder, 0o700, account)?;
            }
            Ok::<_, std::io::Error>(())
        };
        make().with_context(|| format!("cannot make {}", self.run.display()))
    }

    /// Creates the folder of the restart file `name`, owned by the tracker's user, and moves files of earlier versions
    /// to it.
    pub(crate) fn hand_over(&self, name: &OsStr, account: Option<&Account>) -> anyhow::Result<()> {
        let folder = self.of_tracker();
        handover::hand_over(&self.path, &folder, name, account)
            .with_context(|| format!("cannot prepare {}", folder.display()))
    }

    /// Removes the `run` folder.
    pub(crate) fn clean(&self) -> anyhow::Result<()> {
        remove_folder(&self.run)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// The configuration that the first start writes.
    pub(crate) fn own_configuration(&self) -> PathBuf {
        self.path.join("fairywren.conf.json")
    }

    /// The configuration that the children read.
    pub(crate) fn effective_configuration(&self) -> PathBuf {
        effective_configuration(&self.run)
    }

    /// The file in which the launcher remembers the embedded server.
    pub(crate) fn server_record(&self) -> PathBuf {
        self.path.join("postgres.json")
    }

    /// The folder that the tracker writes in.
    pub(crate) fn of_tracker(&self) -> PathBuf {
        self.path.join("tracker")
    }

    /// The embedded server's data.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// The embedded server's socket folder.
    pub(crate) fn sockets(&self) -> PathBuf {
        sockets(&self.run)
    }
}

/// The children's configuration below a `run` folder.
pub(crate) fn effective_configuration(run: &Path) -> PathBuf {
    run.join("effective.conf.json")
}

/// The embedded server's socket folder below a `run` folder.
pub(crate) fn sockets(run: &Path) -> PathBuf {
    run.join("postgres")
}

/// Mode of a folder that the children must pass through: if root starts them, they run as another user.
fn passable() -> u32 {
    if geteuid().is_root() { 0o711 } else { 0o700 }
}

/// Creates a folder with exactly this `mode`, owned by `account`, if not by the present user.
pub(crate) fn make_folder(path: &Path, mode: u32, account: Option<&Account>) -> std::io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)?;
    let folder = open_folder(path)?;
    folder.set_permissions(Permissions::from_mode(mode))?;
    account.map_or(Ok(()), |account| account.own(&folder))
}

fn make(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(passable()))
}

async fn wait_for_children(path: &Path) -> anyhow::Result<File> {
    let folder = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    fcntl_setfd(&folder, FdFlags::empty())?;
    if folder.try_lock().is_err() {
        tracing::info!("waiting for the processes of an earlier run to end");
        if !is_locked_within(&folder, EARLIER_RUN_TIMEOUT).await.context("cannot lock the data folder")? {
            let path = path.display();
            return Err(
                Refusal(format!("processes of an earlier run still use {path}: end them first")).into()
            );
        }
    }
    Ok(folder)
}

/// Takes the lock as soon as it is free; `false` if it was not free within `timeout`.
async fn is_locked_within(file: &File, timeout: Duration) -> std::io::Result<bool> {
    let end = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(Duration::from_millis(10)).await,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The [`present_run`] of `path`, after removing what a killed launcher left there.
fn run_folder(path: &Path) -> anyhow::Result<PathBuf> {
    let run = present_run(path)?;
    remove_folder(&run)?;
    Ok(run)
}

/// `path/run`, or a folder in `/tmp` if that is too long for the path of a socket.
pub(crate) fn present_run(path: &Path) -> anyhow::Result<PathBuf> {
    let mut run = path.join("run");
    if sockets(&run).join(".s.PGSQL.5432").as_os_str().len() > MAX_SOCKET_PATH {
        let folder = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
        run = PathBuf::from(format!("/tmp/fairywren-{:x}-{:x}", folder.dev(), folder.ino()));
        // Any user may have created a folder of this name in /tmp first.
        if let Ok(found) = fs::symlink_metadata(&run)
            && (found.uid() != geteuid().as_raw() || !found.is_dir())
        {
            return Err(Refusal(format!("{} belongs to somebody else: remove it", run.display())).into());
        }
    }
    Ok(run)
}
