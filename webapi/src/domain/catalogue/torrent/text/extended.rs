//! Extended information: a JSON object, bounded by its size as the database prints it.

use serde_json::{Number, Value};

/// Most bytes of extended information as typed.
pub const TYPED_LEN: usize = 64 * 1024;
/// Most bytes of it as the database prints it at each read.
pub const PRINTED_LEN: usize = 128 * 1024;
/// Most lists and objects nested in each other.
const DEPTH: usize = 8;
/// Most values, including lists and objects.
const VALUES: usize = 1000;
/// Most characters of a number as the database prints it, without an exponent.
const NUMBER_LEN: usize = 40;

/// Reads a JSON object; `None` for a text of white space only.
///
/// # Errors
/// A sentence that says what to change.
pub fn read(typed: &str) -> Result<Option<Value>, String> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    if typed.len() > TYPED_LEN {
        return Err(format!(
            "The extended information has {} bytes; shorten it to {TYPED_LEN}.",
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
    if !value.is_object() {
        return Err("Write a JSON object, in braces, as {\"Year\": 2026}.".to_owned());
    }
    let mut printed = Printed::default();
    printed.add(&value, DEPTH)?;
    if printed.bytes > PRINTED_LEN {
        return Err(format!(
            "The extended information has {} bytes when it is written out; shorten it to {PRINTED_LEN}.",
            printed.bytes
        ));
    }
    Ok(Some(value))
}

/// The size of values as `jsonb` prints them, with a space after each colon and comma.
#[derive(Debug, Default)]
struct Printed {
    bytes: usize,
    values: usize,
}

impl Printed {
    fn add(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        self.values += 1;
        if self.values > VALUES {
            return Err(format!("The extended information has more than {VALUES} values; make it shorter."));
        }
        let inner = || {
            depth
                .checked_sub(1)
                .ok_or_else(|| format!("Lists and objects lie more than {DEPTH} deep; make it simpler."))
        };
        match value {
            Value::Object(object) => {
                let depth = inner()?;
                self.bytes += 2 + object.len() * ", : ".len();
                for (key, value) in object {
                    self.bytes += text(key)?;
                    self.add(value, depth)?;
                }
            }
            Value::Array(list) => {
                let depth = inner()?;
                self.bytes += 2 + list.len() * ", ".len();
                for value in list {
                    self.add(value, depth)?;
                }
            }
            Value::String(string) => self.bytes += text(string)?,
            Value::Number(value) => self.bytes += number(value)?,
            Value::Null | Value::Bool(_) => self.bytes += "false".len(),
        }
        Ok(())
    }
}

/// The printed bytes of `string`, with quotes and escapes.
fn text(string: &str) -> Result<usize, String> {
    let escapes = string.bytes().map(|byte| match byte {
        0 => Err("The character NUL (\\u0000) cannot be stored; take it out.".to_owned()),
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => Ok(1),
        1..0x20 => Ok(5),
        _ => Ok(0),
    });
    Ok(string.len() + 2 + escapes.sum::<Result<usize, String>>()?)
}

/// The printed bytes of a number.
fn number(value: &Number) -> Result<usize, String> {
    let written = match value.as_f64().filter(|_| value.is_f64()) {
        Some(float) => float.to_string().len(),
        None => value.to_string().len(),
    };
    if written <= NUMBER_LEN {
        return Ok(written);
    }
    Err(format!(
        "The number {value} has {written} characters when it is written out, more than {NUMBER_LEN}: put it in quotes."
    ))
}

/// The error's text without the position that serde appends.
fn sentence(problem: &serde_json::Error) -> String {
    let text = problem.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_information_is_an_object_or_nothing() {
        assert_eq!(read(" \n"), Ok(None));
        assert_eq!(read(r#"{"a": 1}"#), Ok(Some(serde_json::json!({"a": 1}))));
        assert!(read("[1]").is_err_and(|it| it.contains("object")));
        assert!(read("{\"a\":\n 1,}").is_err_and(|it| it.contains("line 2, column 4")));
        assert!(read(r#"{"a\u0000": 1}"#).is_err());
        assert!(read(r#"{"a": "\u0000"}"#).is_err());
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&deep(7)).is_ok());
        assert!(read(&deep(8)).is_err_and(|it| it.contains("more than 8 deep")));
        assert!(read(&deep(20_000)).is_err());
        assert!(read(&format!("{{\"a\": \"{}\"}}", "x".repeat(TYPED_LEN))).is_err());
    }

    #[test]
    fn numbers_that_print_as_hundreds_of_digits_are_refused() {
        for long in ["1e308", "-1e308", "1e-300", "1.5e60", "123456789e-60"] {
            let problem = read(&format!("{{\"a\": {long}}}")).expect_err(long);
            assert!(problem.contains("put it in quotes"), "{problem}");
        }
        for plain in ["1e20", "0.000001", "3.141592653589793", "18446744073709551615", "-1", "1e-7"] {
            assert!(read(&format!("{{\"a\": {plain}}}")).is_ok(), "{plain}");
        }
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let list = |count: usize| format!("{{\"a\": [{}]}}", vec!["1"; count].join(","));
        assert!(read(&list(998)).is_ok());
        assert!(read(&list(999)).is_err_and(|it| it.contains("more than 1000 values")));
    }

    #[test]
    fn control_characters_count_as_their_escapes() {
        // Each escape is 6 bytes as typed and as printed, but one character of the string.
        let typed = format!("{{\"a\": \"{}\"}}", "\\u0001".repeat(10_000));
        let mut printed = Printed::default();
        let value: Value = serde_json::from_str(&typed).expect("JSON");
        printed.add(&value, DEPTH).expect("a count");
        assert_eq!(printed.bytes, typed.len() + ", ".len());
    }
}
