//! How the tracker answered a member's latest announces, and whether it could connect to the member's clients: asked of
//! the tracker each time, which keeps both in memory only.

use std::time::Duration;

use bt::messages::control::{Answer, Connection, Decision, Request};

use super::control::ask;
use crate::app::App;
use crate::error::Error;
use crate::id::UserId;

/// The latest announces of a member, the newest first.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time.
pub async fn decisions(app: &App, member: UserId) -> Result<Vec<Decision>, Error> {
    let request = Request::Announces { member: member.unsigned() };
    ask(&app.config.zeromq.control, &request, limit(app), |answer| match answer {
        Answer::Announces(decisions) => Some(decisions),
        _ => None,
    })
    .await
}

/// The latest connections that the tracker tried to a member's clients, one for each endpoint, the newest first; none
/// where `tracker.checkConnectability` is off.
///
/// # Errors
/// [`Error::Unavailable`] when the tracker does not answer in time.
pub async fn connections(app: &App, member: UserId) -> Result<Vec<Connection>, Error> {
    if !app.config.tracker.check_connectability {
        return Ok(Vec::new());
    }
    let request = Request::Connections { member: member.unsigned() };
    ask(&app.config.zeromq.control, &request, limit(app), |answer| match answer {
        Answer::Connections(tried) => Some(tried),
        _ => None,
    })
    .await
}

/// A part of the time that the page may take in all: the page still has to say that no answer came.
fn limit(app: &App) -> Duration {
    app.backend_timeout() * 2 / 5
}
