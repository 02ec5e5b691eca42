//! The announce doctor's part of the account page.

use bt::announce::Event;

use super::format;
use crate::app::App;
use crate::domain::doctor::{self, Finding};
use crate::error::Error;

/// Announces shown at once: each is as high as a card on a phone.
const AT_ONCE: usize = 5;

/// What `account/doctor.html` shows.
pub struct Doctor {
    /// The tracker did not answer.
    pub unavailable: bool,
    /// The newest first: some that are shown at once, and the rest.
    pub parts: Vec<Part>,
    /// How many there are in all.
    pub total: usize,
    /// How many of them were refused.
    pub refused: usize,
}

/// Announces that are shown together; none is empty.
pub struct Part {
    /// Whether they are shown only when asked for.
    pub earlier: bool,
    /// The newest first.
    pub rows: Vec<Diagnosis>,
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
                let mut rows: Vec<Diagnosis> = findings.into_iter().map(Diagnosis::from).collect();
                let (total, refused) = (rows.len(), rows.iter().filter(|row| row.fix.is_some()).count());
                let rest = rows.split_off(total.min(AT_ONCE));
                let parts = [Part { earlier: false, rows }, Part { earlier: true, rows: rest }];
                let parts = parts.into_iter().filter(|part| !part.rows.is_empty()).collect();
                Ok(Self { unavailable: false, parts, total, refused })
            }
            Err(Error::Unavailable("tracker")) => {
                Ok(Self { unavailable: true, parts: Vec::new(), total: 0, refused: 0 })
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
