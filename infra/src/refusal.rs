//! Errors that the user of a command can correct: exit status 2.

use crate::config;
#[cfg(feature = "database")]
use crate::postgres::ProgramsError;
use crate::process::Unreachable;

/// A sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Whether the user can correct `error`: it is about usage, configuration or installed programs.
pub fn is_refusal(error: &anyhow::Error) -> bool {
    #[cfg(feature = "database")]
    if error.is::<ProgramsError>() {
        return true;
    }
    error.is::<Refusal>() || error.is::<config::Error>() || error.is::<Unreachable>()
}
