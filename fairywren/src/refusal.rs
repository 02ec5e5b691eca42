//! Errors that the person who typed the command can mend: exit status 2.

use infra::config;
use infra::postgres::ProgramsError;
use infra::process::Unreachable;

/// A sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

/// Whether `error` is about usage, configuration or what is installed.
pub(crate) fn is_refusal(error: &anyhow::Error) -> bool {
    error.is::<Refusal>()
        || error.is::<config::Error>()
        || error.is::<ProgramsError>()
        || error.is::<Unreachable>()
}
