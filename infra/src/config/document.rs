//! Reading a JSON file into a type, with errors that name file and key.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A type that a configuration file is read into. It derives `Deserialize` with `deny_unknown_fields`, and with
/// `default` for every key that has a default.
pub trait Document: DeserializeOwned {
    /// Refuses what deserializing a single key cannot notice: missing required keys, and values that contradict each
    /// other.
    fn check(&self) -> Result<(), Problem>;
}

/// A key that cannot be used.
#[derive(Debug)]
pub struct Problem {
    /// The key with its parents, as `webapi.postgresql`.
    key: String,
    /// What is wrong with it and what is expected.
    problem: &'static str,
}

impl Problem {
    /// A problem of `key`, which is written with its parents, as `webapi.postgresql`.
    pub fn new(key: impl Into<String>, problem: &'static str) -> Self {
        Self { key: key.into(), problem }
    }
}

/// Why a configuration cannot be used: a sentence that names the file and, where there is one, the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", file.display())]
    Read {
        /// The file named by the caller.
        file: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A key is unknown, missing, of another type or out of range.
    #[error("{}: {key}: {problem}", file.display())]
    Key {
        /// The file named by the caller.
        file: PathBuf,
        /// The key with its parents, as `webapi.postgresql`; `.` is the whole document.
        key: String,
        /// What is wrong with it and what is expected.
        problem: String,
    },
}

/// Reads the configuration in `file`.
///
/// # Errors
/// When the file cannot be read, is not JSON, or has a key that cannot be used.
pub fn read<T: Document>(file: &Path) -> Result<T, Error> {
    let text = fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
    parse(&text, file)
}

/// Reads the configuration in `text`, which came from `file` (named in errors only).
///
/// # Errors
/// When `text` is not JSON, or has a key that cannot be used.
pub fn parse<T: Document>(text: &str, file: &Path) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let document = serde_path_to_error::deserialize(&mut json).map_err(|error| key_error(file, error))?;
    json.end().map_err(|error| Error::Key {
        file: file.to_owned(),
        key: ".".to_owned(),
        problem: error.to_string(),
    })?;
    checked(document, file)
}

/// Reads the configuration in `value`, which was made from `file`: errors name file and key, but no line.
///
/// # Errors
/// When `value` has a key that cannot be used.
pub fn from_value<T: Document>(value: &Value, file: &Path) -> Result<T, Error> {
    let document = serde_path_to_error::deserialize(value).map_err(|error| key_error(file, error))?;
    checked(document, file)
}

fn key_error(file: &Path, error: serde_path_to_error::Error<serde_json::Error>) -> Error {
    let key = error.path().to_string();
    Error::Key { file: file.to_owned(), key, problem: error.into_inner().to_string() }
}

fn checked<T: Document>(document: T, file: &Path) -> Result<T, Error> {
    document.check().map_err(|Problem { key, problem }| Error::Key {
        file: file.to_owned(),
        key,
        problem: problem.to_owned(),
    })?;
    Ok(document)
}
