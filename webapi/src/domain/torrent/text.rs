//! What people type about a torrent: title, description, extended information.

use serde_json::Value;

use crate::error::{Error, Fields};

/// Characters of a title.
pub const TITLE_LEN: usize = 300;
/// Characters of a description.
pub const DESCRIPTION_LEN: usize = 100_000;
/// Bytes of extended information.
pub const EXTENDED_LEN: usize = 64 * 1024;
/// Lists and objects inside each other in extended information.
const EXTENDED_DEPTH: usize = 8;

/// Texts of a form, as typed.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// May be empty where another title is at hand.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// A JSON object as text, or nothing.
    pub extended: String,
}

/// Texts that may be stored.
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
    /// Checks all fields, with `name` for a title where none is typed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong.
    pub fn check(self, name: Option<&str>) -> Result<Texts, Error> {
        let mut fields = Fields::new();
        let title = title(&self.title, name).map_err(|problem| fields.insert("title", problem));
        let description =
            description(self.description).map_err(|problem| fields.insert("description", problem));
        let extended = extended(&self.extended).map_err(|problem| fields.insert("extended", problem));
        match (title, description, extended) {
            (Ok(title), Ok(description), Ok(extended)) => Ok(Texts { title, description, extended }),
            _ => Err(Error::Invalid(fields)),
        }
    }
}

/// `typed` in one line, or `name` when that is empty.
pub fn title(typed: &str, name: Option<&str>) -> Result<String, String> {
    let line = one_line(typed);
    if line.is_empty() {
        return name
            .map(|name| one_line(name).chars().take(TITLE_LEN).collect::<String>())
            .map(|name| if name.is_empty() { "_".to_owned() } else { name })
            .ok_or_else(|| "Type a title.".to_owned());
    }
    match line.chars().count() {
        0..=TITLE_LEN => Ok(line),
        count => Err(format!("The title has {count} characters; shorten it to {TITLE_LEN}.")),
    }
}

fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
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

/// Reads a JSON object; nothing but white space is none.
pub fn extended(typed: &str) -> Result<Option<Value>, String> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    if typed.len() > EXTENDED_LEN {
        return Err(format!(
            "The extended information has {} bytes; shorten it to {EXTENDED_LEN}.",
            typed.len()
        ));
    }
    let value: Value = serde_json::from_str(typed).map_err(|problem| {
        format!(
            "This is not JSON: line {}, column {}: {}. Write an object as {{\"Year\": 2026}}, or leave it empty.",
            problem.line(),
            problem.column(),
            sentence(&problem)
        )
    })?;
    check_object(value).map(Some)
}

/// Checks a JSON value that is to be stored as extended information.
pub fn check_object(value: Value) -> Result<Value, String> {
    if !value.is_object() {
        return Err("Write a JSON object, in braces, as {\"Year\": 2026}.".to_owned());
    }
    check(&value, EXTENDED_DEPTH)?;
    Ok(value)
}

fn check(value: &Value, depth: usize) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("Lists and objects lie more than {EXTENDED_DEPTH} deep; make it simpler."));
    };
    let plain = |text: &str| {
        let problem = || "The character NUL (\\u0000) cannot be stored; take it out.".to_owned();
        if text.contains('\0') { Err(problem()) } else { Ok(()) }
    };
    match value {
        Value::Object(object) => object.iter().try_for_each(|(key, value)| {
            plain(key)?;
            check(value, depth)
        }),
        Value::Array(list) => list.iter().try_for_each(|value| check(value, depth)),
        Value::String(text) => plain(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The problem without its position, which serde writes at the end.
fn sentence(problem: &serde_json::Error) -> String {
    let text = problem.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
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
    fn extended_information_is_an_object_or_nothing() {
        assert_eq!(extended(" \n"), Ok(None));
        assert_eq!(extended(r#"{"a": 1}"#), Ok(Some(serde_json::json!({"a": 1}))));
        assert!(extended("[1]").is_err_and(|it| it.contains("object")));
        assert!(extended("{\"a\":\n 1,}").is_err_and(|it| it.contains("line 2, column 4")));
        assert!(extended(r#"{"a\u0000": 1}"#).is_err());
        assert!(extended(r#"{"a": "\u0000"}"#).is_err());
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(extended(&deep(6)).is_ok());
        assert!(extended(&deep(8)).is_err());
        assert!(extended(&deep(20_000)).is_err());
        assert!(extended(&format!("{{\"a\": \"{}\"}}", "x".repeat(EXTENDED_LEN))).is_err());
    }
}
