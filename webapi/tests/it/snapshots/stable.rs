//! Pages without what differs from run to run: secrets, times, addresses, versions of static files.

use crate::support::Answer;

/// The shapes of times; `9` stands for any digit.
const TIMES: [&str; 2] = ["9999-99-99T99:99:99Z", "9999-99-99 99:99 UTC"];

/// Length of invites, announce keys and all other secrets, in characters of lower-case base32.
const SECRET: usize = 40;

/// The status, the title and the element `main` of a page.
pub(super) fn main_part(answer: &Answer, site: &str) -> String {
    let page = &answer.body;
    let (title, rest) = page
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .unwrap_or_else(|| panic!("no title: {} {page}", answer.status));
    let title = title.strip_suffix(" · Fairywren").expect("the site's name ends each title");
    let (_, main) = rest.split_once("<main").expect("a main part");
    let (main, _) = main.split_once("</main>").expect("its end");
    stable(&format!("{} “{title}”\n<main{main}</main>", answer.status), site)
}

/// All of a page.
pub(super) fn document(answer: &Answer, site: &str) -> String {
    stable(&answer.body, site)
}

/// Names in place of what differs, and no empty lines.
fn stable(text: &str, site: &str) -> String {
    let mut text = text.replace(site, "[site]");
    for shape in TIMES {
        text = mask(&text, shape, "[time]");
    }
    text = replace_after(&text, "name=\"csrf\" value=\"", &['"'], "[csrf]");
    text = replace_after(&text, "?v=", &['"', '#'], "[version]");
    text = replace_after(&text, "/account/sessions/", &['/'], "[session]");
    let text = without_secrets(&text);
    text.lines().filter(|it| !it.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// Puts `name` in place of each text that has this shape.
fn mask(text: &str, shape: &str, name: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if has_shape(rest, shape) {
            masked.push_str(name);
            rest = &rest[shape.len()..];
        } else {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    masked
}

fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'9' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() >= shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// Puts `name` in place of what stands between each `before` and the next of `ends`.
fn replace_after(text: &str, before: &str, ends: &[char], name: &str) -> String {
    let mut parts = text.split(before);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(ends).unwrap_or(part.len());
        replaced.extend([before, name, &part[end..]]);
    }
    replaced
}

/// Puts a name in place of each word that is a secret. Info hashes, which are fixed, hold other digits, too.
fn without_secrets(text: &str) -> String {
    let mut public = String::with_capacity(text.len());
    for piece in text.split_inclusive(|it: char| !it.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|it: char| !it.is_ascii_alphanumeric());
        if word.len() == SECRET && word.bytes().all(|it| matches!(it, b'a'..=b'z' | b'2'..=b'7')) {
            public.push_str("[secret]");
            public.push_str(&piece[SECRET..]);
        } else {
            public.push_str(piece);
        }
    }
    public
}

#[test]
fn what_differs_from_run_to_run_has_a_name() {
    let secret = "abcdefghijklmnopqrstuvwxyz234567abcdefgh";
    for (text, expected) in [
        (
            format!("<input value=\"http://localhost:1/invites/{secret}\">"),
            "<input value=\"[site]/invites/[secret]\">",
        ),
        (format!("fw_{secret}"), "fw_[secret]"),
        (format!("{secret}1"), "abcdefghijklmnopqrstuvwxyz234567abcdefgh1"),
        (
            "<input name=\"csrf\" value=\"a-b\">\n\n“é”".to_owned(),
            "<input name=\"csrf\" value=\"[csrf]\">\n“é”",
        ),
        ("<use href=\"/a.svg?v=12ab#menu\"/>".to_owned(), "<use href=\"/a.svg?v=[version]#menu\"/>"),
        (
            "<time datetime=\"2026-11-21T09:30:00Z\">2026-11-21 09:30 UTC</time>".to_owned(),
            "<time datetime=\"[time]\">[time]</time>",
        ),
        ("the 2026-11-21 and (UTC)".to_owned(), "the 2026-11-21 and (UTC)"),
        ("/account/sessions/17/end".to_owned(), "/account/sessions/[session]/end"),
    ] {
        assert_eq!(stable(&text, "http://localhost:1"), expected);
    }
}
