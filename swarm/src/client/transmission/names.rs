//! Names that Windows does not allow, which Transmission 3.00 changes on every system: "Why?" becomes "Why_".

use bt::metainfo::Metainfo;

/// The paths of a torrent's files below its folder, by the metainfo.
pub(super) fn wanted(metainfo: &Metainfo<'_>) -> Vec<String> {
    match &metainfo.files[..] {
        [file] if file.path == metainfo.name => vec![file.path.clone()],
        files => files.iter().map(|file| format!("{}/{}", metainfo.name, file.path)).collect(),
    }
}

/// Whether Transmission may change a part of `path`.
pub(super) fn is_odd(path: &str) -> bool {
    path.split('/').any(|part| {
        part.contains(['<', '>', ':', '"', '\\', '|', '?', '*'])
            || part.starts_with(' ')
            || part.ends_with([' ', '.'])
            || is_device(part)
    })
}

/// Whether Windows reserves a name for a device, whatever its extension.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || numbered.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
}

/// The renames to make, in this order: a path as it is by then, and the new name of its last part. None where the numbers
/// of files differ.
pub(super) fn changes<'a>(chosen: impl Iterator<Item = &'a str>, wanted: &[String]) -> Vec<(String, String)> {
    let chosen: Vec<_> = chosen.collect();
    let mut changes: Vec<(String, String)> = Vec::new();
    if chosen.len() != wanted.len() {
        return changes;
    }
    for (chosen, wanted) in chosen.iter().zip(wanted) {
        let mut above = String::new();
        for (now, then) in chosen.split('/').zip(wanted.split('/')) {
            let change = (format!("{above}{now}"), then.to_owned());
            if now != then && !changes.contains(&change) {
                changes.push(change);
            }
            above.push_str(then);
            above.push('/');
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_cannot_keep_are_odd() {
        for name in ["Why?", "a/b:c/d", "a ", "a./b", " a", "con", "Lpt1.txt", "a\\b"] {
            assert!(is_odd(name), "{name}");
        }
        for name in ["a b", "a.b/c", "ü", "console", "com0", "a/.b", "lpt10"] {
            assert!(!is_odd(name), "{name}");
        }
    }

    #[test]
    fn folders_are_renamed_once_and_before_what_is_in_them() {
        let wanted = ["W?/a", "W?/x:y/b|", "W?/x:y/c"].map(str::to_owned);
        let changes = changes(["W_/a", "W_/x_y/b_", "W_/x_y/c"].into_iter(), &wanted);
        let expected = [("W_", "W?"), ("W?/x_y", "x:y"), ("W?/x:y/b_", "b|")];
        assert_eq!(changes, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    }

    #[test]
    fn nothing_is_renamed_where_the_files_are_others() {
        assert!(changes(["a_"].into_iter(), &["a?".to_owned(), "b".to_owned()]).is_empty());
    }
}
