//! Recognises files of other kinds that were uploaded in place of a .torrent file, by their first bytes.

/// First bytes of file formats, and the words for them.
const BEGINNINGS: [(&[u8], &str); 17] = [
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG\r\n", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\xfd7zXZ\0", "a compressed file"),
    (b"BZh", "a compressed file"),
    (b"%PDF-", "a PDF document"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"OggS", "an audio or video file"),
    (b"fLaC", "an audio file"),
    (b"ID3", "an audio file"),
    (b"magnet:", "a magnet link"),
    (b"\x7fELF", "a program"),
];

/// First characters of HTML and XML pages, in lower case.
const PAGES: [&str; 4] = ["<!doctype html", "<html", "<head", "<?xml"];

/// The words for the format of a file that is no .torrent file, such as `a picture`; `None` if it is unknown.
pub fn kind(file: &[u8]) -> Option<&'static str> {
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| file.starts_with(beginning)) {
        return Some(kind);
    }
    match (file.get(..4), file.get(4..8), file.get(8..12)) {
        (Some(b"RIFF"), _, Some(b"WEBP")) => return Some("a picture"),
        (Some(b"RIFF"), ..) => return Some("an audio or video file"),
        (_, Some(b"ftyp"), Some(b"avif" | b"heic" | b"mif1")) => return Some("a picture"),
        (_, Some(b"ftyp"), _) => return Some("a video"),
        _ => {}
    }
    let text = String::from_utf8_lossy(file.get(..64).unwrap_or(file)).to_lowercase();
    let text = text.trim_start_matches(|it: char| it.is_whitespace() || it == '\u{feff}');
    PAGES
        .iter()
        .any(|page| text.starts_with(page))
        .then_some("a web page, perhaps one that asks you to sign in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_files_are_told_by_their_first_bytes() {
        for (file, name) in [
            (&b"\xff\xd8\xff\xe0\0\x10JFIF"[..], "a picture"),
            (b"\x89PNG\r\n\x1a\n", "a picture"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "a picture"),
            (b"RIFF\x10\0\0\0AVI LIST", "an audio or video file"),
            (b"PK\x03\x04\x14\0", "a ZIP archive"),
            (b"%PDF-1.7", "a PDF document"),
            (b"\0\0\0\x20ftypisom", "a video"),
            (b"magnet:?xt=urn:btih:", "a magnet link"),
        ] {
            assert_eq!(kind(file), Some(name));
        }
        assert!(
            kind("\u{feff}\n <!DOCTYPE html><html>".as_bytes()).is_some_and(|it| it.contains("web page"))
        );
        for unknown in [&b""[..], b"d4:infode", b"BEEF", b"hello"] {
            assert_eq!(kind(unknown), None, "{unknown:?}");
        }
    }
}
