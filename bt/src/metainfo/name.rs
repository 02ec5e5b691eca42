//! Names made safe to show and to save.

/// Bytes of a name at most: longer names with a client's suffix do not fit common file systems.
const MAX_BYTES: usize = 240;

/// Whether a part of a path, as in the file, would lead out of its folder on some system.
pub(super) fn climbs(part: &[u8]) -> bool {
    part.split(|byte| matches!(byte, b'/' | b'\\')).any(|piece| piece == b"..")
}

/// Whether nothing of a name is left when clients make it safe to save.
pub(super) fn is_blank(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    let rest: String = name
        .chars()
        .filter(|char| !turns_text(*char) && !is_invisible(*char) && !char.is_whitespace())
        .filter(|char| !matches!(char, '/' | '\\' | '\0'))
        .take(3)
        .collect();
    matches!(rest.as_str(), "" | "." | "..")
}

/// The safe path of `parts`, joined with `/`; `_` if nothing is left of it.
pub(super) fn path(parts: &[&[u8]]) -> String {
    let mut path = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for bytes in parts {
        if *bytes == b"." {
            continue;
        }
        if !path.is_empty() {
            path.push('/');
        }
        push_part(&mut path, bytes);
    }
    if path.is_empty() {
        path.push('_');
    }
    path
}

/// A path as in the file, for an error message.
pub(super) fn shown(parts: &[&[u8]]) -> String {
    let path = parts.iter().take(16).map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join("/");
    path.chars().filter(|char| !char.is_control() && !turns_text(*char)).take(100).collect()
}

/// The safe form of one name: invalid UTF-8, separators and control characters are replaced, and marks that change the
/// direction of text are left out.
pub(super) fn part(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    push_part(&mut name, bytes);
    name
}

fn push_part(out: &mut String, bytes: &[u8]) {
    let start = out.len();
    for char in String::from_utf8_lossy(bytes).chars() {
        let char = match char {
            '/' | '\\' => '_',
            char if char.is_control() => '_',
            char if turns_text(char) => continue,
            char => char,
        };
        if out.len() - start + char.len_utf8() > MAX_BYTES {
            break;
        }
        out.push(char);
    }
    if out[start..].trim().is_empty() || matches!(&out[start..], "." | "..") {
        out.truncate(start);
        out.push('_');
    }
}

/// Whether a character changes the direction of text: a name like "photo\u{202e}gpj.exe" shows as "photoexe.jpg".
pub fn turns_text(char: char) -> bool {
    matches!(char, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters of no width. libtorrent 2.1 drops them from a torrent's name, and refuses the torrent when nothing is
/// left.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}
