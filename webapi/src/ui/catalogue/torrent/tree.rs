//! A torrent's files as a tree of folders, as a list of steps by which a template writes nested elements.

use crate::db::catalogue::file::File;
use crate::ui::parts::format;

/// Deepest nesting of folders that is shown, since browsers cut elements nested deeper than 512. Deeper files are shown
/// with their path.
const DEPTH: usize = 20;

/// Folders are shown closed in trees of more files than this.
const OPEN: usize = 60;

/// One step of writing the tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What the step writes.
    pub(super) kind: Kind,
    /// The name, or several parts of a path: a folder that contains only one folder is shown together with it. Empty at
    /// the end of a folder.
    pub(super) names: Vec<String>,
    /// Size with a unit: `1.4 GiB`.
    pub(super) size: String,
    /// Whether a folder is shown open.
    pub(super) open: bool,
}

/// What a step writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The begin of a folder.
    Folder,
    /// A file.
    File,
    /// The end of a folder.
    End,
}

impl Step {
    /// Whether the step begins a folder.
    pub(super) fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// Whether the step writes a file.
    pub(super) fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    fn end() -> Self {
        Self { kind: Kind::End, names: Vec::new(), size: String::new(), open: false }
    }
}

struct Entry<'a> {
    folders: Vec<&'a str>,
    name: &'a str,
    size: i64,
}

/// The steps that write `files`, sorted by folder and name.
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
            let names = vec![(*folder).to_owned()];
            steps.push(Step { kind: Kind::Folder, names, size: String::new(), open: open_all });
        }
        for folder in &mut open {
            folder.2 = folder.2.saturating_add(entry.size);
        }
        let (names, size) = (vec![entry.name.to_owned()], format::size(entry.size));
        steps.push(Step { kind: Kind::File, names, size, open: false });
    }
    close(&mut steps, &mut open, 0);
    flatten(join(steps))
}

/// Ends open folders until `depth` are open, and sets their sizes in the steps that began them.
fn close(steps: &mut Vec<Step>, open: &mut Vec<(&str, usize, i64)>, depth: usize) {
    for (_, place, size) in open.drain(depth..).rev() {
        if let Some(step) = steps.get_mut(place) {
            step.size = format::size(size);
        }
        steps.push(Step::end());
    }
}

/// Joins each folder that contains only one folder with that folder.
fn join(steps: Vec<Step>) -> Vec<Step> {
    let ends = ends(&steps);
    let single = |at: usize| {
        let inner = ends.get(at + 1).copied().flatten();
        inner.is_some_and(|inner| ends.get(at).copied().flatten() == Some(inner + 1))
    };
    let joined: Vec<bool> = (0..steps.len()).map(single).collect();
    // Of a chain of such folders, the last one stays, with its end.
    let mut left_out = vec![false; steps.len()];
    for (at, _) in joined.iter().enumerate().filter(|(_, it)| **it) {
        for index in [Some(at), ends.get(at).copied().flatten()].into_iter().flatten() {
            if let Some(out) = left_out.get_mut(index) {
                *out = true;
            }
        }
    }
    let mut names: Vec<String> = Vec::new();
    let mut rest = Vec::with_capacity(steps.len());
    for (mut step, out) in steps.into_iter().zip(left_out) {
        match (step.kind, out) {
            (Kind::End, true) => {}
            (_, true) => names.append(&mut step.names),
            (_, false) => {
                names.append(&mut step.names);
                step.names = std::mem::take(&mut names);
                rest.push(step);
            }
        }
    }
    rest
}

/// For each step that begins a folder, the index of the step that ends it.
fn ends(steps: &[Step]) -> Vec<Option<usize>> {
    let mut ends = vec![None; steps.len()];
    let mut open = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match step.kind {
            Kind::Folder => open.push(at),
            Kind::File => {}
            Kind::End => {
                if let Some(end) = open.pop().and_then(|begin: usize| ends.get_mut(begin)) {
                    *end = Some(at);
                }
            }
        }
    }
    ends
}

/// Leaves out folders deeper than [`DEPTH`] and puts their names before those of their files.
fn flatten(steps: Vec<Step>) -> Vec<Step> {
    let mut depth = 0_usize;
    // The number of names of each open folder that was left out.
    let mut deeper: Vec<usize> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut rest = Vec::with_capacity(steps.len());
    for mut step in steps {
        match step.kind {
            Kind::Folder if depth == DEPTH => {
                deeper.push(step.names.len());
                path.append(&mut step.names);
                continue;
            }
            Kind::Folder => depth += 1,
            Kind::File => step.names = path.iter().cloned().chain(step.names).collect(),
            Kind::End => {
                if let Some(count) = deeper.pop() {
                    path.truncate(path.len().saturating_sub(count));
                    continue;
                }
                depth = depth.saturating_sub(1);
            }
        }
        rest.push(step);
    }
    rest
}

impl<'a> Entry<'a> {
    fn new(file: &'a File) -> Self {
        let mut folders: Vec<&str> = file.path.split('/').collect();
        let name = folders.pop().unwrap_or_default();
        Self { folders, name, size: file.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(paths: &[(&str, i64)]) -> String {
        let files: Vec<File> = paths
            .iter()
            .map(|(path, size)| File { position: 0, path: (*path).to_owned(), size: *size })
            .collect();
        let line = |step: &Step| match step.kind {
            Kind::Folder => format!("{}({})[", step.names.join(" / "), step.size),
            Kind::File => format!("{}({}) ", step.names.join(" / "), step.size),
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
    fn a_folder_that_holds_one_folder_alone_stands_in_one_line_with_it() {
        assert_eq!(written(&[("a/b/c/1", 1), ("a/b/c/2", 2)]), "a / b / c(3 B)[1(1 B) 2(2 B) ]");
        assert_eq!(
            written(&[("a/b/1", 1), ("a/b/c/d/2", 2), ("a/b/e/3", 4)]),
            "a / b(7 B)[1(1 B) c / d(2 B)[2(2 B) ]e(4 B)[3(4 B) ]]"
        );
        assert_eq!(written(&[("a/1", 1), ("b/c/2", 2)]), "a(1 B)[1(1 B) ]b / c(2 B)[2(2 B) ]");
    }

    #[test]
    fn a_chain_of_500_folders_is_one_line() {
        let deep = "d/".repeat(500) + "f";
        let steps = steps(&[File { position: 0, path: deep, size: 1 }]);
        assert_eq!(steps.iter().map(|it| it.names.len()).collect::<Vec<_>>(), [500, 1, 0]);
    }

    #[test]
    fn files_below_the_deepest_folder_shown_stand_with_their_paths() {
        // Each folder contains a file beside the next folder, so that none are joined.
        let files: Vec<File> =
            (0..500).map(|depth| File { position: 0, path: "d/".repeat(depth) + "f", size: 1 }).collect();
        let steps = steps(&files);
        assert_eq!(steps.iter().filter(|it| it.is_folder()).count(), DEPTH);
        let files: Vec<usize> = steps.iter().filter(|it| it.is_file()).map(|it| it.names.len()).collect();
        assert_eq!(files.iter().max(), Some(&(499 - DEPTH + 1)));
        assert_eq!(files.len(), 500);
    }
}
