//! What became of a member's latest announces, and whether the tracker could connect to the member's clients: asked of
//! the tracker each time, which keeps both in memory only.

use bt::control::{Answer, Connection, Decision, Request};

use super::question::{ask, unexpected};
use crate::app::App;
use crate::error::Error;

/// The latest announces, the newest first.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time.
pub async fn decisions(app: &App, member: i32) -> Result<Vec<Decision>, Error> {
    let request = Request::Announces { member: member.cast_unsigned() };
    match answer(app, request).await? {
        Answer::Announces(decisions) => Ok(decisions),
        _ => Err(unexpected()),
    }
}

/// The latest connections that the tracker tried, one for each endpoint, the newest first.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time.
pub async fn connections(app: &App, member: i32) -> Result<Vec<Connection>, Error> {
    let request = Request::Connections { member: member.cast_unsigned() };
    match answer(app, request).await? {
        Answer::Connections(tried) => Ok(tried),
        _ => Err(unexpected()),
    }
}

/// The page says when no answer comes, and waits for it no longer than for a part of what it may take in all.
async fn answer(app: &App, request: Request) -> Result<Answer, Error> {
    ask(app, request, app.backend_timeout() * 2 / 5).await
}
