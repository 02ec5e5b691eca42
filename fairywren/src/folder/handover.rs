//! Gives the folder of the restart file to the user that runs the tracker, even if an earlier version left it to root.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use infra::process::{Account, open_folder};
use rustix::fs::{Dir, Mode, OFlags, openat, renameat};

/// The suffixes that the tracker appends to the name of its restart file.
const SUFFIXES: [&str; 2] = ["stopped", "running"];

/// Creates `folder` in `data` if it is missing, and moves the restart file `name` to it, which earlier versions kept in
/// `data`. Folder and files are given to `account`, if that is not the present user.
///
/// The folder's owner may have put anything into it. So symbolic links are not followed, and files with further hard
/// links are not given away.
pub(super) fn hand_over(
    data: &Path,
    folder: &Path,
    name: &OsStr,
    account: Option<&Account>,
) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let folder = open_folder(folder)?;
    if let Some(account) = account {
        give(&folder, account)?;
    }
    let data = open_folder(data)?;
    for suffix in SUFFIXES {
        let mut file = name.to_owned();
        file.push(".");
        file.push(suffix);
        if own_file(&data, file.as_bytes(), &[0], account)? {
            renameat(&data, &file, &folder, &file)?;
        }
    }
    Ok(())
}

fn give(folder: &File, account: &Account) -> io::Result<()> {
    let owner = folder.metadata()?.uid();
    if owner == account.uid {
        return Ok(());
    }
    // From now on only root can change the folder's entries.
    fchown(folder, Some(0), Some(0))?;
    folder.set_permissions(Permissions::from_mode(0o700))?;
    for entry in Dir::read_from(folder)? {
        own_file(folder, entry?.file_name().to_bytes(), &[0, owner], Some(account))?;
    }
    account.own(folder)
}

/// Gives the file `name`, if one of `owners` owns it, to `account`; says whether there is such a file.
fn own_file(folder: &File, name: &[u8], owners: &[u32], account: Option<&Account>) -> io::Result<bool> {
    // Opening a named pipe must not block.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else { return Ok(false) };
    let file = File::from(file);
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() != 1 {
        return Ok(false);
    }
    if let Some(account) = account {
        if !owners.contains(&found.uid()) {
            return Ok(false);
        }
        account.own(&file)?;
    }
    Ok(true)
}
