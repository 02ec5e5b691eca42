//! The folders of a demonstration: its sources and its data.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use infra::refusal::Refusal;

/// A file that marks a data folder as ours, to be emptied.
const MARK: &str = "swarm-demo";

/// Refuses folders of which one lies in the other: the sources would be deleted, or the secrets in `data` shared.
pub(super) fn check(sources: &Path, data: &Path) -> Result<(), Refusal> {
    let real = |path: &Path, option: &str| {
        resolve(path)
            .map_err(|error| Refusal(format!("cannot use {option} {} as a folder ({error})", path.display())))
    };
    let (real_sources, real_data) = (real(sources, "--sources")?, real(data, "--data")?);
    let (sources, data) = (sources.display(), data.display());
    if real_sources.starts_with(&real_data) {
        return Err(Refusal(format!(
            "the sources {sources} lie in {data}, which is emptied at each start: choose another folder with \
             --sources or --data"
        )));
    }
    if real_data.starts_with(&real_sources) {
        return Err(Refusal(format!(
            "{data}, where everything is kept, lies in the sources {sources} and would be shared: choose another \
             folder with --data or --sources"
        )));
    }
    Ok(())
}

/// The absolute path of the sources' folder, which is made if it is missing.
pub(super) fn sources(folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(folder).context("cannot find the absolute path of the sources")?;
    let open = || {
        fs::create_dir_all(&folder)?;
        fs::read_dir(&folder)
    };
    let opened = open().map_err(|error| {
        Refusal(format!(
            "cannot use {} for the sources ({error}): name a folder of yours with --sources",
            folder.display()
        ))
    });
    opened?;
    Ok(folder)
}

/// Empties the data folder but for the mark. Its absolute path, and the mark, whose lock lasts until the file is closed.
pub(super) fn fresh(data: &Path) -> anyhow::Result<(PathBuf, File)> {
    let data = std::path::absolute(data).context("cannot find the data folder's absolute path")?;
    let name = data.display().to_string();
    let mark = data.join(MARK);
    if data.exists() && !data.is_dir() {
        return Err(Refusal(format!("{name} is not a folder: choose another with --data")).into());
    }
    let empty = !data.exists() || data.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if !empty && !mark.exists() {
        return Err(Refusal(format!(
            "{name} has something in it that is not of a demonstration: choose another folder with --data"
        ))
        .into());
    }
    let lock = prepare(&data, &mark).map_err(|error| {
        Refusal(format!("cannot use {name} ({error}): choose a folder of yours with --data"))
    })?;
    if lock.try_lock().is_err() {
        return Err(Refusal(format!(
            "another demonstration runs on {name}: stop it first, or choose another folder with --data"
        ))
        .into());
    }
    clear(&data, &mark).with_context(|| format!("cannot empty {name}"))?;
    Ok((data, lock))
}

fn prepare(data: &Path, mark: &Path) -> io::Result<File> {
    fs::create_dir_all(data)?;
    // Under root, PostgreSQL runs as another user, who has to pass through.
    fs::set_permissions(data, Permissions::from_mode(0o711))?;
    File::create(mark)
}

fn clear(data: &Path, mark: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path)?;
        } else if path != mark {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The path without symbolic links; its last parts need not exist.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let (mut there, mut rest) = (path.as_path(), Vec::new());
    loop {
        match (fs::canonicalize(there), there.parent(), there.file_name()) {
            (Ok(real), ..) => return Ok(rest.iter().rev().fold(real, |path, name| path.join(name))),
            (Err(error), Some(parent), Some(name)) if error.kind() == ErrorKind::NotFound => {
                rest.push(name);
                there = parent;
            }
            (Err(error), ..) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn neither_folder_may_lie_in_the_other() {
        let place = tempfile::tempdir().unwrap();
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("data/inner")).unwrap();
        symlink(at("data"), at("link")).unwrap();
        for (sources, data) in [
            ("data/sources", "data"),
            ("data/inner", "data"),
            ("link/sources", "data"),
            ("data/inner/more/sources", "link"),
            ("data", "data"),
            ("files", "files/of/data"),
            ("link", "data/inner"),
        ] {
            let error = check(&at(sources), &at(data)).expect_err(sources).to_string();
            assert!(error.contains("--sources") && error.contains("--data"), "{error}");
        }
        check(&at("data-of-mine"), &at("data")).expect("only the names begin alike");
        check(&at("sources"), &at("data")).expect("they are beside each other");
    }

    #[test]
    fn what_cannot_be_a_folder_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "precious").unwrap();
        for path in [file.clone(), file.join("below")] {
            let said = [sources(&path).expect_err("a file"), fresh(&path).map(drop).expect_err("a file")];
            for (error, option) in said.iter().zip(["--sources", "--data"]) {
                assert!(error.is::<Refusal>() && error.to_string().contains(option), "{error:#}");
            }
        }
        assert_eq!(fs::read(file).unwrap(), b"precious");
    }
}
