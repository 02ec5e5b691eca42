//! The default data folder of a program.

use std::path::PathBuf;

use rustix::process::geteuid;

use crate::refusal::Refusal;

/// The data folder of the program `name` where the command line names none.
///
/// # Errors
/// A [`Refusal`] when an ordinary user has no home directory.
pub fn default_folder(name: &str) -> Result<PathBuf, Refusal> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    if let Some(data) = absolute("XDG_DATA_HOME") {
        return Ok(data.join(name));
    }
    // The user that Postgres runs as cannot enter root's home directory.
    if geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib").join(name));
    }
    absolute("HOME")
        .map(|home| home.join(".local/share").join(name))
        .ok_or_else(|| Refusal("HOME is not set: name the data folder with --data DIR".to_owned()))
}
