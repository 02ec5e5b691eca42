//! The tracker's decisions on a member's latest announces, and whether it could connect to the member's clients. The
//! tracker keeps both in memory only and is asked each time.

use std::time::Duration;

use bt::messages::control::{Answer, Connection, Decision, Request};

use super::control::ask;
use crate::app::App;
use crate::error::Error;
use crate::id::UserId;

/// The decisions on a member's latest announces, the newest first.
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

/// The latest connections that the tracker tried to a member's clients, one for each endpoint, the newest first. There
/// are none if `tracker.checkConnectability` is off.
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

/// Longest wait for an answer: a part of the page's time, so that the page can still say that no answer came.
fn limit(app: &App) -> Duration {
    app.backend_timeout() * 2 / 5
}
