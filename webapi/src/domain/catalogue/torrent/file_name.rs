//! The file name under which a .torrent file is downloaded.

use bt::metainfo::turns_text;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Most bytes of a file name before `.torrent`. File systems allow 255: the rest is room for `.torrent`, a client's
/// suffix and a number.
const NAME_BYTES: usize = 180;

/// `attr-char` of RFC 5987.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Names that Windows keeps for devices, whatever follows a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The header `Content-Disposition` for a torrent of this title: the name in ASCII for old programs, and in UTF-8
/// (RFC 5987).
pub fn disposition(title: &str) -> String {
    let name = file_name(title);
    let ascii: String = name.chars().map(|it| if it.is_ascii() { it } else { '_' }).collect();
    // Browsers may decode percent-escapes in the ASCII form.
    let ascii = ascii.replace('%', "_");
    let full = utf8_percent_encode(&name, UNRESERVED);
    format!("attachment; filename=\"{ascii}.torrent\"; filename*=UTF-8''{full}.torrent")
}

/// A file name, without `.torrent`, that every operating system can save.
fn file_name(title: &str) -> String {
    let mut name = String::new();
    for char in title.chars() {
        let char = match char {
            '"' | '*' | '/' | ':' | '<' | '>' | '?' | '\\' | '|' => '_',
            char if char.is_control() || hides(char) => '_',
            char => char,
        };
        if name.len() + char.len_utf8() > NAME_BYTES {
            break;
        }
        name.push(char);
    }
    let name = name.trim().trim_matches(['.', ' ']).to_owned();
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.chars().count() == 1 && rest.contains(|it: char| it.is_numeric()))
    };
    if name.is_empty() || DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        return format!("_{name}");
    }
    name
}

/// Whether the character is invisible or changes the direction of text.
fn hides(char: char) -> bool {
    turns_text(char)
        || matches!(char, '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_can_be_saved_everywhere() {
        for (title, name) in [
            ("Plain title", "Plain title"),
            ("a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j"),
            ("tab\there\r\n", "tab_here__"),
            (" ..hidden.. ", "hidden"),
            ("CON", "_CON"),
            ("nul.tar", "_nul.tar"),
            ("Com1", "_Com1"),
            ("LPT¹.x", "_LPT¹.x"),
            ("Computer", "Computer"),
            ("...", "_"),
            ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
            ("日本語", "日本語"),
        ] {
            assert_eq!(file_name(title), name, "{title}");
        }
        assert_eq!(file_name(&"é".repeat(300)).len(), NAME_BYTES);
    }

    #[test]
    fn the_header_has_a_plain_and_a_full_form() {
        assert_eq!(
            disposition("Été 50% \"x\"; y"),
            "attachment; filename=\"_t_ 50_ _x_; y.torrent\"; \
             filename*=UTF-8''%C3%89t%C3%A9%2050%25%20_x_%3B%20y.torrent"
        );
    }
}
