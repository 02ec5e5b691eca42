//! Torrents with unusual structures: deep paths, many files, wide and deep trees, invisible names.

use fastrand::Rng;

use super::string;

/// Characters in names that clients leave out or interpret differently.
const ODD_CHARACTERS: [&str; 22] = [
    "a", ".", "..", " ", "\0", "/", "\\", "\t", "\u{7f}", "\u{a0}", "\u{ad}", "\u{61c}", "\u{115f}",
    "\u{200b}", "\u{200d}", "\u{200e}", "\u{202e}", "\u{2028}", "\u{2060}", "\u{2064}", "\u{3164}",
    "\u{feff}",
];

/// The length of a piece. Each file with content fills one piece, so that none needs a piece layer or a pad file.
const PIECE_LENGTH: usize = 16_384;

/// A torrent that is valid apart from its structure; the same state of `rng` gives the same torrent.
pub(super) fn structure(rng: &mut Rng) -> Vec<u8> {
    let name = if rng.u8(..3) == 0 { odd_name(rng) } else { b"t".to_vec() };
    let version = rng.u8(..3);
    if rng.u8(..4) == 0 {
        return single(&name);
    }
    let mut files = files(rng);
    if version > 0 {
        // The tree of version 2 is sorted by the bytes of its names, and contains each path once.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|b, a| b.path.starts_with(&a.path));
    }
    let mut info = b"d".to_vec();
    if version > 0 {
        info.extend(b"9:file tree");
        write_tree(&mut info, &files);
    }
    if version < 2 {
        info.extend(b"5:files");
        write_list(&mut info, &files);
    }
    if version > 0 {
        info.extend(b"12:meta versioni2e");
    }
    info.extend(b"4:name");
    info.extend(string(&name));
    info.extend(format!("12:piece lengthi{PIECE_LENGTH}e").bytes());
    if version < 2 {
        let pieces = files.iter().filter(|file| file.is_full).count();
        info.extend(b"6:pieces");
        info.extend(string(&vec![b'h'; 20 * pieces]));
    }
    info.push(b'e');
    [b"d4:info", &info[..], b"e"].concat()
}

/// A single-file torrent of version 1, whose only name is the torrent's.
fn single(name: &[u8]) -> Vec<u8> {
    let (name, pieces) = (string(name), string(&[b'h'; 20]));
    let head = format!("d4:infod6:lengthi{PIECE_LENGTH}e4:name");
    let middle = format!("12:piece lengthi{PIECE_LENGTH}e6:pieces");
    [head.as_bytes(), &name, middle.as_bytes(), &pieces, b"ee"].concat()
}

/// One file of a structure.
struct File {
    path: Vec<Vec<u8>>,
    /// Whether the file fills one piece; otherwise it is empty.
    is_full: bool,
    /// The parts of a symbolic link's target.
    symlink: Option<Vec<Vec<u8>>>,
}

fn files(rng: &mut Rng) -> Vec<File> {
    let count = match rng.u8(..12) {
        0 => rng.usize(200..2_000),
        1..=3 => rng.usize(2..40),
        _ => 1,
    };
    let depth = match rng.u8(..4) {
        0 => rng.usize(90..110),
        1 => rng.usize(1..30),
        _ => rng.usize(1..4),
    };
    let odd = rng.u8(..4) == 0;
    (0..count)
        .map(|number| {
            let mut path = parts(rng, depth.min(if count > 100 { 4 } else { depth }), odd);
            if let Some(last) = path.last_mut() {
                last.extend(number.to_string().bytes().take(if odd && count == 1 { 0 } else { 8 }));
            }
            let symlink = (rng.u8(..12) == 0).then(|| {
                let depth = if rng.bool() { rng.usize(95..106) } else { rng.usize(0..4) };
                parts(rng, depth, odd)
            });
            File { path, is_full: symlink.is_none() && (number == 0 || rng.u8(..8) != 0), symlink }
        })
        .collect()
}

/// `count` parts of a path.
fn parts(rng: &mut Rng, count: usize, odd: bool) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| if odd && rng.bool() { odd_name(rng) } else { vec![rng.choice(*b"ab").unwrap_or(0)] })
        .collect()
}

fn odd_name(rng: &mut Rng) -> Vec<u8> {
    let count = rng.usize(1..4);
    let same = rng.bool().then(|| rng.choice(ODD_CHARACTERS).unwrap_or_default());
    (0..count).flat_map(|_| same.or_else(|| rng.choice(ODD_CHARACTERS)).unwrap_or_default().bytes()).collect()
}

fn write_list(out: &mut Vec<u8>, files: &[File]) {
    out.push(b'l');
    for file in files {
        out.push(b'd');
        if file.symlink.is_some() {
            out.extend(b"4:attr1:l");
        }
        let size = if file.is_full { PIECE_LENGTH } else { 0 };
        out.extend(format!("6:lengthi{size}e4:path").bytes());
        write_strings(out, &file.path);
        write_symlink(out, file);
        out.push(b'e');
    }
    out.push(b'e');
}

/// Writes the file tree of version 2. `files` are sorted, and no path is a folder of another.
fn write_tree(out: &mut Vec<u8>, files: &[File]) {
    let mut open: &[Vec<u8>] = &[];
    out.push(b'd');
    for file in files {
        let (folders, name) = file.path.split_at(file.path.len() - 1);
        let shared = open.iter().zip(folders).take_while(|(a, b)| a == b).count();
        out.extend(std::iter::repeat_n(b'e', open.len() - shared));
        for folder in &folders[shared..] {
            out.extend(string(folder));
            out.push(b'd');
        }
        open = folders;
        out.extend(string(&name[0]));
        out.extend(b"d0:d");
        if file.symlink.is_some() {
            out.extend(b"4:attr1:l");
        }
        let size = if file.is_full { PIECE_LENGTH } else { 0 };
        out.extend(format!("6:lengthi{size}e").bytes());
        if file.is_full {
            out.extend(b"11:pieces root");
            out.extend(string(&[b'h'; 32]));
        }
        write_symlink(out, file);
        out.extend(b"ee");
    }
    out.extend(std::iter::repeat_n(b'e', open.len() + 1));
}

fn write_symlink(out: &mut Vec<u8>, file: &File) {
    if let Some(target) = &file.symlink {
        out.extend(b"12:symlink path");
        write_strings(out, target);
    }
}

fn write_strings(out: &mut Vec<u8>, strings: &[Vec<u8>]) {
    out.push(b'l');
    for text in strings {
        out.extend(string(text));
    }
    out.push(b'e');
}
