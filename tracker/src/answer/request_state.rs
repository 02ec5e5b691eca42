//! What is known of a request while it is answered: look-ups made, tokens taken, time passed.

use crate::directory::Subject;
use crate::metrics::counters::Timing;

/// How far the answer to one request has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RequestState {
    /// Whether the database was asked for the member: one that the directory lacks then does not exist.
    pub(super) member: bool,
    /// The same for the torrents.
    pub(super) torrents: bool,
    /// Whether the request has taken a token from the member's bucket.
    pub(super) paid: bool,
    pub(super) timing: Timing,
}

impl RequestState {
    /// Notes that the database is asked for `subject`.
    pub(crate) fn note(&mut self, subject: &Subject) {
        match subject {
            Subject::Member(_) => self.member = true,
            Subject::Torrents { paid, .. } => {
                self.torrents = true;
                self.paid |= paid;
            }
            Subject::Swarm(_) => {}
        }
    }

    /// Notes whether a token was taken from the member's bucket before the database is asked for `subject`.
    pub(crate) fn note_paid(&mut self, subject: &Subject) {
        self.paid |= matches!(subject, Subject::Torrents { paid: true, .. });
    }

    /// Records how long the request took, if it is one that is timed.
    pub(crate) fn end(self) {
        self.timing.end();
    }
}
