//! The layers of the source tree: which of them may know of which.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder (with the file of the same name) or a file of `src`, words that its code must not hold, and why.
const WALLS: [(&str, &[&str], &str); 8] = [
    (
        "db",
        &["crate::domain", "crate::app", "App>"],
        "db takes a connection or a transaction and nothing else",
    ),
    (
        "db",
        &["axum", "crate::auth", "tower_sessions", "crate::live", "crate::tracker"],
        "db knows no request",
    ),
    ("domain", &["axum", "tower_sessions", "crate::auth"], "rules know neither requests nor sessions"),
    ("domain", &["crate::app", "&App", "crate::live", "crate::tracker", "zeromq"], "rules take plain values"),
    ("domain", &["crate::ui", "crate::api", "crate::router", "crate::server"], "imports run one way"),
    ("auth", &["crate::ui", "crate::api", "crate::router"], "the faces import auth, not the other way"),
    ("api", &["crate::ui", "crate::router"], "one face does not import another"),
    ("live", &["crate::app", "crate::tracker"], "live is a value that App holds"),
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

#[test]
fn each_layer_imports_only_those_below_it() {
    let mut broken = Vec::new();
    for (layer, words, reason) in WALLS {
        let files = files(&root().join(layer));
        assert!(!files.is_empty(), "there is no layer {layer}");
        for file in files {
            for (number, line) in code(&file) {
                if words.iter().any(|word| line.contains(word)) {
                    broken.push(format!("{}:{number}: {} ({reason})", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
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
