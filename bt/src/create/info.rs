//! The `info` dictionary and the piece layers, bencoded with sorted keys.

use std::collections::BTreeMap;

use super::{Layout, PieceHashes, Source};
use crate::bencode::writer::{integer, string};
use crate::metainfo::{Kind, merkle_root, padding_hash};

/// `info`, and `piece layers` for version 2 and hybrid.
pub(super) fn write(layout: &Layout, hashes: &[PieceHashes]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut out = vec![b'd'];
    let mut layers = None;
    if layout.has_v2() {
        let trees = Trees::of(layout, hashes);
        string(&mut out, b"file tree");
        write_tree(&mut out, &layout.files, &trees.roots);
        layers = Some(trees.write_layers());
    }
    if layout.options.kind != Kind::V2 {
        write_list(&mut out, layout);
    }
    if layout.has_v2() {
        string(&mut out, b"meta version");
        integer(&mut out, 2);
    }
    string(&mut out, b"name");
    string(&mut out, layout.name.as_bytes());
    string(&mut out, b"piece length");
    integer(&mut out, layout.piece_length);
    if layout.options.kind != Kind::V2 {
        string(&mut out, b"pieces");
        string(&mut out, hashes.iter().map(|hash| hash.v1).collect::<Vec<_>>().as_flattened());
    }
    if layout.options.private {
        string(&mut out, b"private");
        integer(&mut out, 1);
    }
    out.push(b'e');
    (out, layers)
}

/// Version 1: `length` of a single file, else `files` with pad files before each file that would not begin a piece.
///
/// The last file is not padded: BEP 47 pads for the file that follows. (libtorrent pads it, unless it is told not to.)
fn write_list(out: &mut Vec<u8>, layout: &Layout) {
    if layout.single {
        string(out, b"length");
        integer(out, layout.files.iter().map(|file| file.size).sum());
        return;
    }
    string(out, b"files");
    out.push(b'l');
    let mut end = 0;
    for (file, start) in layout.files.iter().zip(&layout.starts) {
        if *start > end {
            write_pad(out, *start - end);
        }
        end = *start + file.size;
        out.push(b'd');
        string(out, b"length");
        integer(out, file.size);
        string(out, b"path");
        out.push(b'l');
        for part in &file.path {
            string(out, part.as_bytes());
        }
        out.extend_from_slice(b"ee");
    }
    out.push(b'e');
}

/// Named as BEP 47 recommends, so that programs without it save only one of each size.
fn write_pad(out: &mut Vec<u8>, size: u64) {
    out.push(b'd');
    string(out, b"attr");
    string(out, b"p");
    string(out, b"length");
    integer(out, size);
    string(out, b"path");
    out.push(b'l');
    string(out, b".pad");
    string(out, size.to_string().as_bytes());
    out.extend_from_slice(b"ee");
}

/// Version 2: a dictionary for each folder, and for each file one with an empty key. The files are sorted.
fn write_tree(out: &mut Vec<u8>, files: &[Source], roots: &[Option<[u8; 32]>]) {
    out.push(b'd');
    let mut open: &[String] = &[];
    for (file, root) in files.iter().zip(roots) {
        let Some((name, folders)) = file.path.split_last() else { continue };
        let common = open.iter().zip(folders).take_while(|(one, other)| one == other).count();
        out.resize(out.len() + open.len() - common, b'e');
        for folder in &folders[common..] {
            string(out, folder.as_bytes());
            out.push(b'd');
        }
        open = folders;
        string(out, name.as_bytes());
        out.push(b'd');
        string(out, b"");
        out.push(b'd');
        string(out, b"length");
        integer(out, file.size);
        if let Some(root) = root {
            string(out, b"pieces root");
            string(out, root);
        }
        out.extend_from_slice(b"ee");
    }
    out.resize(out.len() + open.len() + 1, b'e');
}

/// The files' merkle trees.
struct Trees {
    /// `None` for an empty file.
    roots: Vec<Option<[u8; 32]>>,
    /// The pieces' hashes by root, of files larger than a piece. Files with the same content share them.
    layers: BTreeMap<[u8; 32], Vec<u8>>,
}

impl Trees {
    fn of(layout: &Layout, hashes: &[PieceHashes]) -> Self {
        let padding = padding_hash(layout.piece_length);
        let mut layers = BTreeMap::new();
        let mut rest = hashes.iter().map(|hash| hash.v2);
        let roots = layout.files.iter().map(|file| {
            let pieces = usize::try_from(file.size.div_ceil(layout.piece_length)).unwrap_or(usize::MAX);
            if pieces < 2 {
                return rest.by_ref().take(pieces).next();
            }
            let layer = rest.by_ref().take(pieces).collect::<Vec<_>>().into_flattened();
            let root = merkle_root(&layer, padding);
            layers.insert(root, layer);
            Some(root)
        });
        let roots = roots.collect();
        Self { roots, layers }
    }

    fn write_layers(&self) -> Vec<u8> {
        let mut out = vec![b'd'];
        for (root, layer) in &self.layers {
            string(&mut out, root);
            string(&mut out, layer);
        }
        out.push(b'e');
        out
    }
}
