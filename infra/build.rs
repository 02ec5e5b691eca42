//! Writes the list of the files in `sql/migrations` that `src/migrations.rs` includes, so that a new migration needs no
//! other change.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|it| it.path())).collect::<io::Result<_>>()?;
    files.sort();
    let mut list = "&[\n".to_owned();
    let mut versions = Vec::new();
    for file in files {
        let file = fs::canonicalize(file)?;
        let Some((version, name)) = parts(&file) else {
            return Err(io::Error::other(format!("{} is not named NNNN_name.sql", file.display())));
        };
        if versions.contains(&version) {
            return Err(io::Error::other(format!(
                "two files of {} have the number {version:04}",
                folder.display()
            )));
        }
        versions.push(version);
        let _ = writeln!(
            list,
            "    Migration {{ version: {version}, name: {name:?}, sql: include_str!({:?}) }},",
            file.display().to_string()
        );
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("migrations.rs"), list)
}

/// The version `NNNN` and the name of a file `NNNN_name.sql`.
fn parts(file: &Path) -> Option<(i32, String)> {
    let (version, name) = file.file_name()?.to_str()?.strip_suffix(".sql")?.split_once('_')?;
    let sound = version.len() == 4 && !name.is_empty();
    sound.then(|| Some((version.parse().ok()?, name.to_owned())))?
}
