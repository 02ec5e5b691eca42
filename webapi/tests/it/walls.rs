//! The layers of the source tree, and the modules that each may import.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `src`, with the file of the same name.
struct Layer {
    name: &'static str,
    /// The modules at the top of `src` that its code may name, besides itself.
    modules: &'static [&'static str],
    /// Crates that its code must not name.
    refused_crates: &'static [&'static str],
}

/// The layers, the lowest first. Functions of `db` and `domain` take a database connection or transaction and plain
/// values, never a request, a session or the state of the process.
const LAYERS: [Layer; 6] = [
    Layer { name: "db", modules: &["id"], refused_crates: &["axum", "tower_sessions", "zeromq"] },
    Layer {
        name: "domain",
        modules: &["db", "error", "id", "schema"],
        refused_crates: &["axum", "tower_sessions", "zeromq"],
    },
    Layer { name: "live", modules: &["id"], refused_crates: &[] },
    Layer {
        name: "auth",
        modules: &["app", "db", "domain", "error", "extract", "id", "reading"],
        refused_crates: &[],
    },
    Layer {
        name: "api",
        modules: &[
            "app",
            "auth",
            "db",
            "domain",
            "error",
            "extract",
            "face",
            "id",
            "live",
            "routes",
            "schema",
            "torrent_file",
            "tracker",
            "upload_form",
        ],
        refused_crates: &[],
    },
    Layer {
        name: "ui",
        modules: &[
            "api",
            "app",
            "auth",
            "db",
            "domain",
            "error",
            "extract",
            "face",
            "id",
            "live",
            "reading",
            "routes",
            "torrent_file",
            "tracker",
            "upload_form",
        ],
        refused_crates: &[],
    },
];

/// How statements begin that only `db` may send.
const SQL: [&str; 6] = ["select ", "insert into ", "update ", "delete from ", "with ", "explain "];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The Rust files below `path`, which is named without `.rs`.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let file = path.with_extension("rs");
    if file.is_file() {
        found.push(file);
    }
    for entry in fs::read_dir(path).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The lines of code: without comments, and without tests, which stand at the end of a file.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a source file");
    let lines = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.map(|(number, line)| (number + 1, line.to_owned())).collect()
}

/// The modules at the top of `src` that a line of code names; an empty name for a path in braces, `crate::{…}`.
fn modules(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    line.split("crate::").skip(1).map(move |rest| rest.split(|it| !is_part(it)).next().unwrap_or_default())
}

#[test]
fn each_layer_imports_only_the_modules_it_may() {
    let mut broken = Vec::new();
    for Layer { name, modules: allowed, refused_crates } in LAYERS {
        let files = files(&root().join(name));
        assert!(!files.is_empty(), "there is no layer {name}");
        for file in files {
            for (number, line) in code(&file) {
                let imports = modules(&line).all(|it| it == name || allowed.contains(&it));
                if !imports || refused_crates.iter().any(|it| line.contains(it)) {
                    broken.push(format!("{}:{number}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "imports that walls.rs does not allow:\n{}", broken.join("\n"));
}

#[test]
fn statements_stand_in_db_alone() {
    let mut broken = Vec::new();
    for file in files(&root())
        .into_iter()
        .filter(|it| !it.starts_with(root().join("db")) && *it != root().join("db.rs"))
    {
        for (number, line) in code(&file) {
            let mut strings = line.split('"').skip(1).step_by(2).map(str::trim_start);
            let begins = |text: &str| SQL.iter().any(|word| text.starts_with(word)) && is_statement(text);
            if strings.any(begins) {
                broken.push(format!("{}:{number}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether a text that begins like a statement names what it is about as one does; ours are in lower case.
fn is_statement(text: &str) -> bool {
    [" from ", " set ", " values", " into ", " as (", "select 1"].iter().any(|word| text.contains(word))
}

#[test]
fn tracker_and_webapi_meet_in_postgres_and_zeromq_alone() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (one, other) in [("webapi", "tracker"), ("tracker", "webapi")] {
        let manifest = workspace.join(one).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        let imports = manifest.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(other));
        assert!(!imports, "{one} imports {other}");
    }
}
