//! Outcomes of orders, for the page that a form redirects to: its URL holds an id and not the text itself.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Outcomes that are kept, at most.
const KEPT: usize = 64;

/// The latest outcomes.
#[derive(Default)]
pub(super) struct Outcomes(
    /// Locked to add one and to find one.
    Mutex<VecDeque<(u64, Result<String, String>)>>,
);

impl Outcomes {
    /// Keeps an outcome. Its id.
    pub(super) fn keep(&self, outcome: Result<String, String>) -> String {
        let id = fastrand::u64(..);
        let mut kept = self.0.lock();
        kept.push_back((id, outcome));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        format!("{id:016x}")
    }

    /// The outcome with that id, as long as it is kept.
    pub(super) fn find(&self, name: &str) -> Option<Result<String, String>> {
        let id = u64::from_str_radix(name, 16).ok()?;
        self.0.lock().iter().find(|(known, _)| *known == id).map(|(_, outcome)| outcome.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_found_by_name_until_many_came_after() {
        let outcomes = Outcomes::default();
        let first = outcomes.keep(Ok("It stops.".to_owned()));
        assert_eq!(outcomes.find(&first), Some(Ok("It stops.".to_owned())));
        for _ in 0..KEPT {
            outcomes.keep(Err("It does not.".to_owned()));
        }
        assert_eq!(outcomes.find(&first), None);
        assert_eq!(outcomes.find("<b>"), None);
    }
}
