//! Notices about the sources, in the log and on the page.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::picture::Notice;

/// Notices that are kept.
const KEPT: usize = 50;

/// The latest notices.
#[derive(Debug, Default)]
pub(super) struct Notices(
    /// Locked to add one and to copy all.
    Mutex<VecDeque<Notice>>,
);

impl Notices {
    /// Adds a notice about `source`, `at` milliseconds after the start; `text` continues a sentence that begins with its
    /// name. `trouble` is for what needs attention.
    pub(super) fn say(&self, at: u64, source: &str, text: String, trouble: bool) {
        if trouble {
            tracing::warn!("“{source}” {text}");
        } else {
            tracing::info!("“{source}” {text}");
        }
        let mut kept = self.0.lock();
        let number = kept.front().map_or(1, |newest| newest.number + 1);
        kept.push_front(Notice { number, at, source: source.to_owned(), text, trouble });
        kept.truncate(KEPT);
    }

    /// The newest first.
    pub(super) fn all(&self) -> Vec<Notice> {
        self.0.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_numbered() {
        let notices = Notices::default();
        for at in 1..=60 {
            notices.say(at, "heron", "is on the site".to_owned(), false);
        }
        let kept: Vec<u64> = notices.all().iter().map(|notice| notice.number).collect();
        assert_eq!((kept.len(), kept[0], kept[49]), (50, 60, 11));
    }
}
