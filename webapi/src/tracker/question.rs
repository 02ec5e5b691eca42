//! One question to the tracker and its answer, over a socket of its own.

use std::time::Duration;

use bt::control::{Answer, Request};
use tokio::time::timeout;
use zeromq::{DealerSocket, Socket, SocketRecv};

use super::connection::{connect, send};
use crate::app::App;
use crate::error::Error;

/// Asks the tracker, and waits no longer than `limit`.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time, or refuses the question.
pub(super) async fn ask(app: &App, request: Request, limit: Duration) -> Result<Answer, Error> {
    match timeout(limit, exchange(&app.config.zeromq.control, request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(cause = format!("{error:#}"), ?request, "the tracker did not answer a question");
            Err(Error::Unavailable("tracker"))
        }
        Err(_) => Err(Error::Unavailable("tracker")),
    }
}

/// The tracker answered another question: it is of another version.
pub(super) fn unexpected() -> Error {
    tracing::warn!("the tracker answered another question; tracker and webapi must be of one version");
    Error::Unavailable("tracker")
}

async fn exchange(endpoint: &str, request: Request) -> anyhow::Result<Answer> {
    let mut control = DealerSocket::new();
    connect(&mut control, endpoint).await?;
    send(&mut control, request.encode(1)).await?;
    let answer = control.recv().await?;
    match Answer::decode(&answer.into_vec())? {
        (_, Answer::Error(sentence)) => anyhow::bail!("the tracker refused: {sentence}"),
        (1, answer) => Ok(answer),
        _ => anyhow::bail!("the tracker answered another question"),
    }
}
