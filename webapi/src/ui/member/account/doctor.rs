//! `/account/doctor`: how the tracker answered the member's clients, and what to do about it.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use bt::announce::Event;

use crate::app::App;
use crate::auth::needs::ALL;
use crate::domain::member::Member;
use crate::domain::member::doctor::{self, Finding, Reachability};
use crate::error::Error;
use crate::id::{TorrentId, UserId};
use crate::routes::Routes;
use crate::tracker;
use crate::ui::parts::format;
use crate::ui::{PageLayout, page};

/// Announces that are shown unfolded. On a phone each of them is a card.
const AT_ONCE: usize = 10;

pub(super) fn routes() -> Routes {
    Routes::new().page(Method::GET, "/account/doctor", ALL, get(show))
}

#[derive(askama::Template)]
#[template(path = "account/doctor.html")]
struct DoctorPage {
    layout: PageLayout,
    doctor: Doctor,
}

/// What the tracker remembers of a member's announces.
struct Doctor {
    /// Whether the tracker did not answer.
    unavailable: bool,
    /// First the refused announces, then the others, each the newest first. The first part is shown, the second folded.
    parts: Vec<Part>,
    /// How many announces there are in all.
    total: usize,
    /// How many of them were refused.
    refused: usize,
    /// Connections that the tracker tried to the member's clients, the latest first.
    reachability: Vec<Tried>,
}

/// A connection that the tracker tried, in words.
struct Tried {
    reachable: bool,
    /// Name and version.
    client: String,
    /// The time since then: `5 min`.
    ago: String,
    /// What the tracker saw.
    sentence: String,
    /// What to do about it.
    fix: Option<&'static str>,
}

/// Announces that are shown together, one at least.
struct Part {
    /// Whether they are folded.
    earlier: bool,
    /// See [`Doctor::parts`].
    rows: Vec<Diagnosis>,
}

/// One announce in words.
struct Diagnosis {
    /// The time since then: `5 min`.
    ago: String,
    /// Id and title.
    torrent: Option<(TorrentId, String)>,
    /// Name and version.
    client: Option<String>,
    /// Event, protocol and family.
    how: String,
    /// What happened.
    sentence: String,
    /// What to do about it.
    fix: Option<&'static str>,
}

async fn show(State(app): State<App>, member: Member, layout: PageLayout) -> Result<Response, Error> {
    page(DoctorPage { layout: layout.account("doctor"), doctor: Doctor::of(&app, member.id).await? })
}

impl Doctor {
    /// Asks the tracker about the member `id`.
    async fn of(app: &App, id: UserId) -> Result<Self, Error> {
        let (decisions, tried) = tokio::join!(tracker::decisions(app, id), tracker::connections(app, id));
        match decisions.and_then(|decisions| Ok((decisions, tried?))) {
            Ok((decisions, tried)) => {
                let findings = doctor::findings(&app.connection().await?, decisions).await?;
                let mut rows: Vec<Diagnosis> = findings.into_iter().map(Diagnosis::from).collect();
                rows.sort_by_key(|row| row.fix.is_none());
                let (total, refused) = (rows.len(), rows.iter().filter(|row| row.fix.is_some()).count());
                let rest = rows.split_off(total.min(AT_ONCE));
                let parts = [Part { earlier: false, rows }, Part { earlier: true, rows: rest }];
                let parts = parts.into_iter().filter(|part| !part.rows.is_empty()).collect();
                let reachability = tried.into_iter().map(Reachability::from).map(Tried::from).collect();
                Ok(Self { unavailable: false, parts, total, refused, reachability })
            }
            Err(Error::Unavailable("tracker")) => {
                let (parts, reachability) = (Vec::new(), Vec::new());
                Ok(Self { unavailable: true, parts, total: 0, refused: 0, reachability })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the tracker could not connect to one of the member's clients.
    fn is_unreachable(&self) -> bool {
        self.reachability.iter().any(|tried| !tried.reachable)
    }
}

impl From<Reachability> for Tried {
    fn from(tried: Reachability) -> Self {
        Self {
            ago: format::ago(tried.age),
            sentence: tried.sentence(),
            fix: tried.fix(),
            reachable: tried.reachable,
            client: tried.client,
        }
    }
}

impl From<Finding> for Diagnosis {
    fn from(finding: Finding) -> Self {
        let event = match finding.event {
            Event::None => "",
            Event::Started => "started, ",
            Event::Stopped => "stopped, ",
            Event::Completed => "completed, ",
            Event::Paused => "paused, ",
        };
        let protocol = finding.protocol.word().to_ascii_uppercase();
        Self {
            ago: format::ago(finding.age),
            how: format!("{event}{protocol} over {}", finding.family),
            sentence: finding.sentence(),
            fix: finding.fix(),
            torrent: finding.torrent,
            client: finding.client,
        }
    }
}
