//! A torrent's files as folders in folders, in the steps that a template writes them by.

use crate::db::file::File;
use crate::ui::format;

/// Folders inside each other that are shown; browsers cut a page's nesting at 512.
const DEPTH: usize = 20;

/// Lists of more files begin with their folders closed.
const OPEN: usize = 60;

/// One step of writing the tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What is written.
    pub(super) kind: Kind,
    /// Of the folder or file; empty at the end of a folder.
    pub(super) name: String,
    /// For people.
    pub(super) size: String,
    /// Whether a folder is shown open.
    pub(super) open: bool,
}

/// What a step writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder begins.
    Folder,
    /// A file.
    File,
    /// A folder ends.
    End,
}

impl Step {
    /// Whether a folder begins.
    pub(super) fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// Whether it is a file.
    pub(super) fn is_file(&self) -> bool {
        self.kind == Kind::File
    }
}

struct Entry<'a> {
    folders: Vec<&'a str>,
    name: &'a str,
    size: i64,
}

/// The steps that write `files`, folders in the order of their names.
pub(super) fn steps(files: &[File]) -> Vec<Step> {
    let mut entries: Vec<Entry<'_>> = files.iter().map(Entry::new).collect();
    entries.sort_by(|a, b| a.folders.cmp(&b.folders).then(a.name.cmp(b.name)));
    let open_all = files.len() <= OPEN;
    let mut steps: Vec<Step> = Vec::new();
    let mut open: Vec<(&str, usize, i64)> = Vec::new();
    for entry in &entries {
        let common = open.iter().zip(&entry.folders).take_while(|(a, b)| a.0 == **b).count();
        close(&mut steps, &mut open, common);
        for folder in &entry.folders[common..] {
            open.push((folder, steps.len(), 0));
            steps.push(Step {
                kind: Kind::Folder,
                name: (*folder).to_owned(),
                size: String::new(),
                open: open_all,
            });
        }
        for folder in &mut open {
            folder.2 = folder.2.saturating_add(entry.size);
        }
        let size = format::size(entry.size);
        steps.push(Step { kind: Kind::File, name: entry.name.to_owned(), size, open: false });
    }
    close(&mut steps, &mut open, 0);
    steps
}

/// Ends folders until `depth` are open, and writes their sizes where they began.
fn close(steps: &mut Vec<Step>, open: &mut Vec<(&str, usize, i64)>, depth: usize) {
    for (_, place, size) in open.drain(depth..).rev() {
        if let Some(step) = steps.get_mut(place) {
            step.size = format::size(size);
        }
        steps.push(Step { kind: Kind::End, name: String::new(), size: String::new(), open: false });
    }
}

impl<'a> Entry<'a> {
    fn new(file: &'a File) -> Self {
        let mut folders = Vec::new();
        let mut name = file.path.as_str();
        while folders.len() < DEPTH
            && let Some((folder, rest)) = name.split_once('/')
        {
            folders.push(folder);
            name = rest;
        }
        Self { folders, name, size: file.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(paths: &[(&str, i64)]) -> String {
        let files: Vec<File> =
            paths.iter().map(|(path, size)| File { path: (*path).to_owned(), size: *size }).collect();
        let line = |step: &Step| match step.kind {
            Kind::Folder => format!("{}({})[", step.name, step.size),
            Kind::File => format!("{}({}) ", step.name, step.size),
            Kind::End => "]".to_owned(),
        };
        steps(&files).iter().map(line).collect()
    }

    #[test]
    fn folders_hold_their_files_and_sizes() {
        assert_eq!(
            written(&[("b/2", 2), ("a/x/1", 1), ("b/1", 3), ("top", 5), ("a/y", 4)]),
            "top(5 B) a(5 B)[y(4 B) x(1 B)[1(1 B) ]]b(5 B)[1(3 B) 2(2 B) ]"
        );
    }

    #[test]
    fn deep_paths_end_in_one_name() {
        let deep = "d/".repeat(500) + "f";
        let steps = steps(&[File { path: deep, size: 1 }]);
        assert_eq!(steps.iter().filter(|it| it.is_folder()).count(), DEPTH);
        assert!(steps.iter().any(|it| it.is_file() && it.name.ends_with("/f")));
    }
}
