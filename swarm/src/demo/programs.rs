//! Checks that the clients' programs are installed.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use infra::refusal::Refusal;

use crate::client::{Kind, python};

/// Refuses programs that are not installed.
pub(super) fn check(kinds: &[Kind]) -> Result<(), Refusal> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    kinds.iter().try_for_each(|kind| match missing(*kind, &path) {
        None => Ok(()),
        Some(remedy) => {
            let name = kind.name();
            Err(Refusal(format!("{remedy}, or leave {name} out of --clients")))
        }
    })
}

/// What to install so that a program can be started; none if it can.
fn missing(kind: Kind, path: &OsStr) -> Option<String> {
    let (program, package) = match kind {
        Kind::Rtorrent => ("rtorrent", "rtorrent"),
        Kind::Transmission => ("transmission-daemon", "transmission-daemon"),
        Kind::Qbittorrent => ("qbittorrent-nox", "qbittorrent-nox"),
        Kind::Aria2 => ("aria2c", "aria2"),
        Kind::Libtorrent => return (!imports(&python())).then(|| {
            let python = python();
            format!("{python} has no libtorrent: install it (`pip install libtorrent`, Debian package python3-libtorrent)")
        }),
    };
    let found = std::env::split_paths(path).any(|folder| is_program(&folder.join(program)));
    (!found).then(|| format!("`{program}` is not installed: install it (Debian package {package})"))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn imports(python: &str) -> bool {
    let mut trial = Command::new(python);
    trial.args(["-c", "import libtorrent"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_path_is_named_with_its_package() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("aria2c"), "").unwrap();
        let said = missing(Kind::Aria2, folder.path().as_os_str()).expect("it is no program");
        assert!(said.contains("`aria2c`") && said.contains("package aria2"), "{said}");
        std::fs::set_permissions(folder.path().join("aria2c"), PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(missing(Kind::Aria2, folder.path().as_os_str()), None);
        assert!(missing(Kind::Rtorrent, folder.path().as_os_str()).is_some());
    }

    #[test]
    fn what_is_no_python_with_libtorrent_imports_nothing() {
        assert!(!imports("/nonexistent/python"));
        assert!(!imports("false"));
    }
}
