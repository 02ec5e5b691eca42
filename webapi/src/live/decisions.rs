//! What became of a member's latest announces, asked of the tracker each time: it keeps them in memory only.

use bt::control::{Answer, Decision, Request};
use tokio::time::timeout;
use zeromq::{DealerSocket, Socket, SocketRecv};

use super::connection::{connect, send};
use crate::app::App;
use crate::error::Error;

/// The newest first.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time.
pub async fn decisions(app: &App, member: i32) -> Result<Vec<Decision>, Error> {
    // The page says when none comes.
    let limit = app.backend_timeout() * 2 / 5;
    match timeout(limit, ask(&app.config.zeromq.control, member.cast_unsigned())).await {
        Ok(Ok(decisions)) => Ok(decisions),
        Ok(Err(error)) => {
            tracing::warn!(cause = format!("{error:#}"), "the tracker was not asked for announces");
            Err(Error::Unavailable("tracker"))
        }
        Err(_) => Err(Error::Unavailable("tracker")),
    }
}

async fn ask(endpoint: &str, member: u32) -> anyhow::Result<Vec<Decision>> {
    let mut control = DealerSocket::new();
    connect(&mut control, endpoint).await?;
    send(&mut control, Request::Announces { member }.encode(1)).await?;
    let answer = control.recv().await?;
    match Answer::decode(&answer.into_vec())? {
        (1, Answer::Announces(decisions)) => Ok(decisions),
        (_, Answer::Error(sentence)) => anyhow::bail!("the tracker refused: {sentence}"),
        _ => anyhow::bail!("the tracker answered another question"),
    }
}
