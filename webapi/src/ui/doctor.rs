//! The announce doctor's part of the account page.

use bt::announce::Event;

use super::format;
use crate::app::App;
use crate::domain::doctor::{self, Finding};
use crate::error::Error;

/// What `account/doctor.html` shows.
pub struct Doctor {
    /// The tracker did not answer.
    pub unavailable: bool,
    /// The newest first.
    pub rows: Vec<Diagnosis>,
    /// How many of them were refused.
    pub refused: usize,
}

/// One announce in words.
pub struct Diagnosis {
    /// A time that has passed.
    pub ago: String,
    /// Id and title.
    pub torrent: Option<(i32, String)>,
    /// Name and version.
    pub client: Option<String>,
    /// Event, protocol and family.
    pub how: String,
    /// What happened.
    pub sentence: String,
    /// What to do about it.
    pub fix: Option<&'static str>,
}

impl Doctor {
    /// Asks the tracker about the member `id`.
    pub async fn of(app: &App, id: i32) -> Result<Self, Error> {
        match doctor::look(app, id).await {
            Ok(findings) => {
                let rows: Vec<Diagnosis> = findings.into_iter().map(Diagnosis::from).collect();
                let refused = rows.iter().filter(|row| row.fix.is_some()).count();
                Ok(Self { unavailable: false, rows, refused })
            }
            Err(Error::Unavailable("tracker")) => {
                Ok(Self { unavailable: true, rows: Vec::new(), refused: 0 })
            }
            Err(error) => Err(error),
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
