//! The texts that members type about a torrent: title, description, extended information.

pub mod extended;

use bt::metainfo::turns_text;
use serde_json::Value;

use crate::error::{Error, Fields};

/// Most characters of a title.
pub const TITLE_LEN: usize = 300;
/// Most characters of a description.
pub const DESCRIPTION_LEN: usize = 100_000;

/// Texts of a form, as typed.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The title; may be empty if the torrent's name can replace it.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// A JSON object as text, or nothing.
    pub extended: String,
}

/// Checked texts, which may be stored.
#[derive(Debug)]
pub struct Texts {
    /// 1 to [`TITLE_LEN`] characters.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// A JSON object.
    pub extended: Option<Value>,
}

impl Typed {
    /// Checks all fields. `name` becomes the title if none was typed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong with each field.
    pub fn check(self, name: Option<&str>) -> Result<Texts, Error> {
        let mut fields = Fields::new();
        let title = title(&self.title, name).map_err(|problem| fields.insert("title", problem));
        let description =
            description(self.description).map_err(|problem| fields.insert("description", problem));
        let extended = extended::read(&self.extended).map_err(|problem| fields.insert("extended", problem));
        match (title, description, extended) {
            (Ok(title), Ok(description), Ok(extended)) => Ok(Texts { title, description, extended }),
            _ => Err(Error::Invalid(fields)),
        }
    }
}

/// `typed` in one line, or `name` if `typed` is empty.
pub fn title(typed: &str, name: Option<&str>) -> Result<String, String> {
    let line = one_line(typed);
    if !line.chars().any(is_visible) {
        return name
            .map(|name| one_line(name).chars().take(TITLE_LEN).collect::<String>())
            .map(|name| if name.chars().any(is_visible) { name } else { "_".to_owned() })
            .ok_or_else(|| "Type a title.".to_owned());
    }
    match line.chars().count() {
        0..=TITLE_LEN => Ok(line),
        count => Err(format!("The title has {count} characters; shorten it to {TITLE_LEN}.")),
    }
}

/// Whether a reader sees the character: it is no space, no control character, none of Unicode's
/// `Default_Ignorable_Code_Point`, and no letter with an empty shape.
fn is_visible(char: char) -> bool {
    let is_ignored = matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    let is_blank = matches!(char, '\u{115f}'..='\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    !char.is_whitespace() && !char.is_control() && !is_ignored && !is_blank
}

fn one_line(text: &str) -> String {
    let plain = text.chars().filter(|it| !turns_text(*it));
    let plain: String = plain.map(|it| if it.is_control() { ' ' } else { it }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn description(typed: String) -> Result<String, String> {
    // Postgres stores no NUL.
    let text = if typed.contains('\0') { typed.replace('\0', "\u{fffd}") } else { typed };
    match text.chars().count() {
        0..=DESCRIPTION_LEN => Ok(text),
        count => Err(format!("The description has {count} characters; shorten it to {DESCRIPTION_LEN}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_and_falls_back_to_the_name() {
        assert_eq!(title("  A\n title\t ", None).as_deref(), Ok("A title"));
        assert_eq!(title(" ", Some("name")).as_deref(), Ok("name"));
        assert_eq!(title("", Some(&"é".repeat(301))).map(|it| it.chars().count()), Ok(300));
        assert!(title("", None).is_err());
        assert!(title(&"x".repeat(301), Some("name")).is_err());
    }

    #[test]
    fn a_title_of_invisible_characters_is_none() {
        for text in ["\u{200b}", "\u{ad}", "\u{3164} \u{2800}", "\u{115f}\u{e0041}", "\u{34f}\u{fe0f}"] {
            assert!(title(text, None).is_err(), "{}", text.escape_unicode());
            assert_eq!(title(text, Some(text)).as_deref(), Ok("_"));
        }
        assert_eq!(title("a\u{200b}b", None).as_deref(), Ok("a\u{200b}b"));
    }

    #[test]
    fn marks_that_turn_the_direction_of_text_are_left_out_of_titles() {
        assert_eq!(title("photo\u{202e}gpj.exe \u{2066}x\u{2069}", None).as_deref(), Ok("photogpj.exe x"));
        assert_eq!(title("\u{200f}", Some("\u{202e}name")).as_deref(), Ok("name"));
    }
}
